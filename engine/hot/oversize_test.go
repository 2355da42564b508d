package hot

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// bigBatch has one trace whose spans carry a payload that does not compress away.
func bigBatch(t testing.TB, id byte, bytesPerSpan, spans int) *fragment.Batch {
	t.Helper()
	list := make([]tael.Span, spans)
	for i := range list {
		payload := make([]byte, bytesPerSpan)
		x := uint64(id)<<32 + uint64(i) + 1
		for k := range payload {
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
			payload[k] = 'A' + byte(x%50)
		}
		start := uint64(loadEnd.UnixNano()) - 1e9
		list[i] = tael.Span{
			TraceID: tael.TraceID{id}, SpanID: tael.SpanID{id, byte(i), byte(i >> 8), 1}, Name: "big", Start: start, End: start + 1,
			Attributes: []tael.KeyValue{{Key: "payload", Value: tael.String(string(payload))}},
			Resource:   &tael.Resource{Attributes: []tael.KeyValue{{Key: "service.name", Value: tael.String("big")}}}, Scope: &tael.Scope{},
		}
	}
	return cut(t, "default", fragment.AppendOTLP(nil, list))
}

func TestLargeEntriesAreStoredInParts(t *testing.T) {
	o := testOptions(t.TempDir())
	o.SegmentBytes = 32 << 20
	s := open(t, o)
	m := newModel()
	for i, size := range []int{100, 500_000, 600_000, 1_200_000, 5_000_000} {
		b := bigBatch(t, byte(i+1), size, 1)
		m.add(t, b)
		appendAll(t, s, []*fragment.Batch{b})
	}
	many := bigBatch(t, 99, 30_000, 100)
	m.add(t, many)
	appendAll(t, s, []*fragment.Batch{many})
	checkAll(t, s, m)
	checkAll(t, open(t, testOptions(copyDir(t, o.Dir))), m)
	closeStore(t, s)
	for _, f := range files(t, segmentDirs(t, o.Dir)[0], "*.vlog") {
		if n := fileSize(t, f); n > 100 {
			t.Errorf("the value log %s has %d bytes: a value went there", f, n)
		}
	}
	checkAll(t, open(t, o), m)
}

func TestOversizeFailsAlone(t *testing.T) {
	o := testOptions(t.TempDir())
	m := newModel()
	batches := cutAll(t, "default", requests(t, 300, 50))
	tooBig := bigBatch(t, 200, o.valueLimit()*3, 1)
	mixed := *batches[1]
	mixed.Fragments = append([]fragment.Fragment{tooBig.Fragments[0]}, batches[1].Fragments...)
	mixed.Resources = append([]fragment.Resource{tooBig.Resources[0]}, batches[1].Resources...)
	m.add(t, batches...)

	all := append([]*fragment.Batch{}, batches...)
	all[1] = &mixed
	s, errs := appendTogether(t, o, all)
	for i, err := range errs {
		if i == 1 {
			if !errors.Is(err, tael.ErrTooLarge) || !strings.Contains(err.Error(), tooBig.Fragments[0].TraceID.String()) {
				t.Errorf("the oversize request: %v", err)
			}
		} else if err != nil {
			t.Errorf("request %d of the same group: %v", i, err)
		}
	}
	checkAll(t, s, m)
}

// Requests whose resources fit a segment only one by one may share a group all the same.
func TestLargeResourcesOfOneGroup(t *testing.T) {
	o := testOptions(t.TempDir())
	m := newModel()
	var batches []*fragment.Batch
	for i := range 10 {
		text := strings.Repeat("x", o.valueLimit()*9/10) + string(rune('a'+i))
		batches = append(batches, cut(t, "default", fragment.AppendOTLP(nil, []tael.Span{{
			TraceID: tael.TraceID{byte(i + 1)}, SpanID: tael.SpanID{1}, Name: "x", Start: uint64(loadEnd.UnixNano()) - 1, End: uint64(loadEnd.UnixNano()),
			Resource: &tael.Resource{Attributes: []tael.KeyValue{{Key: "long", Value: tael.String(text)}}}, Scope: &tael.Scope{},
		}})))
	}
	m.add(t, batches...)
	s, errs := appendTogether(t, o, batches)
	for i, err := range errs {
		if err != nil {
			t.Errorf("request %d: %v", i, err)
		}
	}
	checkAll(t, s, m)
}

func TestLargeResourceIsStoredInParts(t *testing.T) {
	o := testOptions(t.TempDir())
	o.SegmentBytes = 16 << 20
	s := open(t, o)
	long := bytes.Repeat([]byte("a long resource "), 100_000)
	b := cut(t, "default", fragment.AppendOTLP(nil, []tael.Span{{
		TraceID: tael.TraceID{1}, SpanID: tael.SpanID{1}, Name: "x", Start: uint64(loadEnd.UnixNano()) - 1, End: uint64(loadEnd.UnixNano()),
		Resource: &tael.Resource{Attributes: []tael.KeyValue{{Key: "long", Value: tael.String(string(long))}}}, Scope: &tael.Scope{},
	}}))
	m := newModel()
	m.add(t, b)
	appendAll(t, s, []*fragment.Batch{b})
	checkAll(t, s, m)
	checkAll(t, open(t, testOptions(copyDir(t, o.Dir))), m)
	r, err := InspectSegment(context.Background(), segmentDirs(t, o.Dir)[0], func(_ string, row *fragment.Row) error {
		same(t, "inspected", []tael.Span{row.Span()}, m.spans["default"])
		return nil
	})
	if err != nil || len(r.Damage) != 0 || r.Resources != 1 || r.Spans != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestOversizeResourceIsNamed(t *testing.T) {
	o := testOptions(t.TempDir())
	s := open(t, o)
	b := *cut(t, "default", requests(t, 5, 5)[0])
	b.Resources = append([]fragment.Resource{{ID: fragment.ResourceID{1}, Bytes: make([]byte, o.SegmentBytes)}}, b.Resources...)
	if err := s.Append(context.Background(), &b); !errors.Is(err, tael.ErrTooLarge) || !strings.Contains(err.Error(), "resources") {
		t.Errorf("append: %v", err)
	}
	if n := s.Stats().Spans; n != 0 {
		t.Errorf("%d spans are stored", n)
	}
}
