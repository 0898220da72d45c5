package kubewatch

import (
	"sync/atomic"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quell/ingest"
)

// FuzzDecode looks for answers of an API server that make the decoder panic. What it takes has a name, or is no object at all.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"a","namespace":"n","uid":"u"}}]}`))
	f.Add([]byte(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired","code":410}`))
	f.Add([]byte(`{"type":"ADDED","object":{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a"},"status":{"phase":"Running"}}}`))
	f.Add([]byte(`{"items":[null, {}, {"metadata":null}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := &codec{kind: kind{"", "v1", "pods", "Pod", true}, limits: ingest.Limits{}, refused: new(atomic.Uint64)}
		if o, _, err := c.Decode(data, nil, new(list)); err == nil {
			if page, ok := o.(*list); ok {
				for _, item := range page.Items {
					if item.GetObjectMeta().GetName() == "" {
						t.Errorf("an object without a name in the page %s", data)
					}
				}
			}
		}
		_, _, _ = c.Decode(data, nil, new(metav1.WatchEvent)) // what it says is looked at when the object in it is decoded
		_, _, _ = c.Decode(data, nil, nil)
	})
}
