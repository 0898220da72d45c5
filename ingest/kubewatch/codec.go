package kubewatch

import (
	"encoding/json"
	"errors"
	"io"
	"sync/atomic"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	serializer "k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/types"

	"quell/ingest"
)

// object is what a reflector carries of an object: what quell keeps of it, and nothing else. It never changes.
type object struct {
	kept *ingest.KubernetesObject
	// refused is why the object cannot be used; nil if it can. Then only ref is known.
	refused error
	ref     metav1.ObjectMeta
}

// GetObjectKind implements [runtime.Object].
func (o *object) GetObjectKind() schema.ObjectKind { return schema.EmptyObjectKind }

// DeepCopyObject implements [runtime.Object].
func (o *object) DeepCopyObject() runtime.Object { return o }

// GetObjectMeta implements [metav1.ObjectMetaAccessor]: a reflector wants to know the resource version, and keys.
func (o *object) GetObjectMeta() metav1.Object {
	if o.kept == nil {
		return &o.ref
	}
	return &metav1.ObjectMeta{
		Namespace: o.kept.Namespace(), Name: o.kept.Name(), UID: types.UID(o.kept.UID()), ResourceVersion: o.kept.ResourceVersion(),
	}
}

// list is a page of objects.
type list struct {
	metav1.ListMeta
	Items []*object
}

// GetObjectKind implements [runtime.Object].
func (l *list) GetObjectKind() schema.ObjectKind { return schema.EmptyObjectKind }

// DeepCopyObject implements [runtime.Object].
func (l *list) DeepCopyObject() runtime.Object { return l }

// codec decodes what a server sends of one kind. Objects become what quell keeps of them at once, so that a whole one, which is ten
// times as large, does not live longer than it takes to read it. It implements [runtime.NegotiatedSerializer], as client-go wants.
type codec struct {
	kind   kind
	limits ingest.Limits
	// refused counts objects that could not be used.
	refused *atomic.Uint64
}

// SupportedMediaTypes implements [runtime.NegotiatedSerializer].
func (c *codec) SupportedMediaTypes() []runtime.SerializerInfo {
	return []runtime.SerializerInfo{{
		MediaType: runtime.ContentTypeJSON, MediaTypeType: "application", MediaTypeSubType: "json", EncodesAsText: true, Serializer: c,
		StreamSerializer: &runtime.StreamSerializerInfo{EncodesAsText: true, Serializer: c, Framer: serializer.Framer},
	}}
}

// EncoderForVersion implements [runtime.NegotiatedSerializer].
func (c *codec) EncoderForVersion(runtime.Encoder, runtime.GroupVersioner) runtime.Encoder { return c }

// DecoderToVersion implements [runtime.NegotiatedSerializer].
func (c *codec) DecoderToVersion(runtime.Decoder, runtime.GroupVersioner) runtime.Decoder { return c }

// Identifier implements [runtime.Encoder].
func (c *codec) Identifier() runtime.Identifier { return "quell" }

// Encode implements [runtime.Encoder]. quell reads only.
func (c *codec) Encode(runtime.Object, io.Writer) error {
	return errors.New("nothing is ever written to a cluster")
}

// Decode implements [runtime.Decoder]: a frame of a watch, a page of a list, or whatever object is in one of them.
func (c *codec) Decode(data []byte, _ *schema.GroupVersionKind, into runtime.Object) (runtime.Object, *schema.GroupVersionKind, error) {
	switch into := into.(type) {
	case *metav1.WatchEvent:
		return into, nil, json.Unmarshal(data, into)
	case *list:
		return c.list(data, into)
	}
	o, err := c.object(data)
	return o, nil, err
}

// list reads a page. Where the server answers with a status instead, that is what comes back.
func (c *codec) list(data []byte, into *list) (runtime.Object, *schema.GroupVersionKind, error) {
	var page struct {
		Kind     string            `json:"kind"`
		Metadata metav1.ListMeta   `json:"metadata"`
		Items    []json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal(data, &page); err != nil {
		return nil, nil, err
	}
	if page.Kind == "Status" {
		o, err := c.object(data)
		return o, nil, err
	}
	into.ListMeta = page.Metadata
	into.Items = make([]*object, 0, len(page.Items))
	for i, raw := range page.Items {
		page.Items[i] = nil // the garbage collector may have it
		o, err := c.object(raw)
		if err != nil {
			return nil, nil, err
		}
		if o, ok := o.(*object); ok {
			into.Items = append(into.Items, o)
		}
	}
	return into, nil, nil
}

// object reads one object: an *object, a bookmark (which has metadata only), or a status. An object that has a name but cannot be
// used is no error, or it would keep all others of its kind from being watched.
func (c *codec) object(raw []byte) (runtime.Object, error) {
	kept, err := ingest.ReadKubernetesObjectAs(c.kind.name, raw, c.limits)
	if err == nil && kept.Name() != "" && kept.Kind() == c.kind.name {
		return &object{kept: kept}, nil
	}
	var head struct {
		metav1.TypeMeta
		Metadata metav1.ObjectMeta `json:"metadata"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return nil, err
	}
	switch {
	case head.Kind == "Status" && head.APIVersion == "v1":
		status := new(metav1.Status)
		return status, json.Unmarshal(raw, status)
	case head.Metadata.Name == "":
		return &metav1.PartialObjectMetadata{TypeMeta: head.TypeMeta, ObjectMeta: head.Metadata}, nil
	case err == nil:
		err = errors.New("the object is a " + head.Kind)
	}
	c.refused.Add(1)
	return &object{refused: err, ref: metav1.ObjectMeta{
		Namespace: head.Metadata.Namespace, Name: head.Metadata.Name, ResourceVersion: head.Metadata.ResourceVersion,
	}}, nil
}
