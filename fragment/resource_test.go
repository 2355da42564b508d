package fragment

import (
	"encoding/hex"
	"testing"
	"time"

	"github.com/taeldb/tael"
)

// The ids are stored, and no sender may be able to make two resources of one id: they are of a cryptographic hash.
func TestResourceIDs(t *testing.T) {
	for bytes, want := range map[string]string{
		"":    "e3b0c44298fc1c149afbf4c8996fb924",
		"abc": "ba7816bf8f01cfea414140de5dae2223",
	} {
		if id := NewResourceID([]byte(bytes)); hex.EncodeToString(id[:]) != want {
			t.Errorf("the id of %q is %x, want %s", bytes, id, want)
		}
	}
	resource := func(name string) *tael.Resource {
		return &tael.Resource{Attributes: []tael.KeyValue{{Key: "service.name", Value: tael.String(name)}}}
	}
	span := tael.Span{TraceID: tael.TraceID{1}, SpanID: tael.SpanID{1}, Start: 1, Resource: resource("a")}
	other := span
	other.SpanID, other.Resource = tael.SpanID{2}, resource("b")
	c := NewCutter(DefaultLimits())
	for range 2 { // unknown to the cutter, then known
		b, _, err := c.Cut("t", AppendOTLP(nil, []tael.Span{span, other}), time.Unix(0, 1))
		if err != nil || len(b.Resources) != 2 {
			t.Fatalf("%d resources, %v", len(b.Resources), err)
		}
		for _, r := range b.Resources {
			if r.ID != NewResourceID(r.Bytes) {
				t.Errorf("resource %x of %d bytes", r.ID, len(r.Bytes))
			}
		}
	}
}
