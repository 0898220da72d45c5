package kubewatch

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/flowcontrol"
)

const (
	// maxPageBytes bounds a page of a list: 500 of the largest objects that etcd takes would be 750 MiB, which nobody has.
	maxPageBytes = 256 << 20
	// timelyAnswer is how quickly a server must have answered for its clock to be read from the answer.
	timelyAnswer = 5 * time.Second
)

// client talks to one API server.
type client struct {
	config *rest.Config
	http   *http.Client
}

// newClient reads the credentials. Nothing is sent yet.
func newClient(c *Config, o *Options, skew func(time.Duration)) (*client, error) {
	config, err := credentials(c)
	if err != nil {
		return nil, err
	}
	config.UserAgent = "quell/" + o.Version
	config.RateLimiter = flowcontrol.NewTokenBucketRateLimiter(c.qps(), c.burst())
	config.WarningHandler = rest.NoWarnings{}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return &transport{next: next, now: o.Now, skew: skew} })
	h, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	return &client{config: config, http: h}, nil
}

// credentials come from a kubeconfig, or from the pod that quell runs in.
func credentials(c *Config) (*rest.Config, error) {
	if c.Kubeconfig == "" {
		return rest.InClusterConfig()
	}
	rules := &clientcmd.ClientConfigLoadingRules{ExplicitPath: c.Kubeconfig}
	overrides := &clientcmd.ConfigOverrides{CurrentContext: c.Context}
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides).ClientConfig()
}

// place is where objects of one kind are listed and watched.
type place struct {
	kind   kind
	rest   *rest.RESTClient
	path   []string
	accept [2]string // for lists, and for watches
}

// at returns the place of a kind in a namespace, or in all of them if that is empty.
func (c *client) at(cd *codec, namespace string) (*place, error) {
	config := rest.CopyConfig(c.config)
	config.APIPath = "/"
	config.ContentConfig = rest.ContentConfig{
		GroupVersion: &schema.GroupVersion{Group: cd.kind.group, Version: cd.kind.version}, NegotiatedSerializer: cd,
		ContentType: runtime.ContentTypeJSON,
	}
	r, err := rest.RESTClientForConfigAndClient(config, c.http)
	if err != nil {
		return nil, err
	}
	p := &place{kind: cd.kind, rest: r, path: cd.kind.path(namespace), accept: [2]string{runtime.ContentTypeJSON, runtime.ContentTypeJSON}}
	if cd.kind.name == secrets[0].name {
		// There is no second choice in it: a server that cannot leave the content out shall send nothing.
		const as = runtime.ContentTypeJSON + ";as=%s;g=meta.k8s.io;v=v1"
		p.accept = [2]string{fmt.Sprintf(as, "PartialObjectMetadataList"), fmt.Sprintf(as, "PartialObjectMetadata")}
	}
	return p, nil
}

func (p *place) request(accept string, o *metav1.ListOptions) *rest.Request {
	return p.rest.Get().AbsPath(p.path...).SetHeader("Accept", accept).
		SpecificallyVersionedParams(o, metav1.ParameterCodec, schema.GroupVersion{Version: "v1"})
}

func (p *place) list(ctx context.Context, o metav1.ListOptions) (*list, error) {
	l := new(list)
	return l, p.request(p.accept[0], &o).Do(ctx).Into(l)
}

func (p *place) watch(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
	o.Watch = true
	return p.request(p.accept[1], &o).Watch(ctx)
}

// transport reads the server's clock from its answers, and bounds them.
type transport struct {
	next http.RoundTripper
	now  func() time.Time
	skew func(time.Duration)
}

// RoundTrip implements [http.RoundTripper].
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	begin := t.now()
	resp, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	end := t.now()
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil && end.Sub(begin) < timelyAnswer {
		// The header has whole seconds, rounded down.
		t.skew(date.Add(time.Second / 2).Sub(begin.Add(end.Sub(begin) / 2)))
	}
	if r.URL.Query().Get("watch") == "" {
		resp.Body = &bounded{ReadCloser: resp.Body, left: maxPageBytes}
	}
	return resp, nil
}

// WrappedRoundTripper lets client-go find the transport below, for its health checks.
func (t *transport) WrappedRoundTripper() http.RoundTripper { return t.next }

// bounded is a body that ends in an error when it is too long.
type bounded struct {
	io.ReadCloser
	left int64
}

// Read implements [io.Reader].
func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("the answer is longer than %d bytes", maxPageBytes)
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
