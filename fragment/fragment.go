// Package fragment is the datum on its way through tael: the spans of one trace that arrived in one request, as OTLP
// bytes. Ingest cuts fragments out of a request (Cutter), the hot tier packs them into entries and stores those
// (Entry), and the hot scans and the flush walk them as rows (Decoder) without building an object per attribute. It is the one
// decoder that ingest, hot, cold and query share.
package fragment

import "github.com/taeldb/tael"

// ResourceID names a resource by its content: the first half of the SHA-256 of the bytes of the OTLP Resource message. A resource is kept once
// per hot segment under its id, because an SDK that sends directly repeats a resource with every span or two. Tenants share it, so no sender may be
// able to make another resource of the same id: with a quicker hash one could put its own in the place of somebody else's.
type ResourceID [16]byte

// Resource is an OTLP Resource message under its id.
type Resource struct {
	ID    ResourceID
	Bytes []byte // the Resource message; empty for a ResourceSpans without one
}

// Header is what is known of a fragment, or of several of one trace, without looking inside. Times are unix nanoseconds.
type Header struct {
	Spans              uint32
	Errors             uint32 // spans with status error
	MinStart, MaxStart uint64
	MaxEnd             uint64
	MaxDuration        uint64
}

// Add widens h by another header.
func (h *Header) Add(o Header) {
	if o.Spans == 0 {
		return
	}
	if h.Spans == 0 {
		*h = o
		return
	}
	h.Spans += o.Spans
	h.Errors += o.Errors
	h.MinStart = min(h.MinStart, o.MinStart)
	h.MaxStart = max(h.MaxStart, o.MaxStart)
	h.MaxEnd = max(h.MaxEnd, o.MaxEnd)
	h.MaxDuration = max(h.MaxDuration, o.MaxDuration)
}

// Fragment is the spans of one trace in one request.
type Fragment struct {
	TraceID tael.TraceID
	Header  Header
	// Terms are hashes of what the spans can be found by, without duplicates, in no order. See terms.go.
	Terms []uint64
	// Body is a sequence of groups, in order of arrival. A group is a ResourceID (16 bytes), a uvarint n and n bytes: the
	// fields of an OTLP ResourceSpans message but for its resource, with only this trace's spans. Spans are as received, byte for byte.
	Body []byte
}

// Batch is what one request becomes. All its slices belong to the Cutter that made it, until the Cutter's next use.
type Batch struct {
	Tenant    string
	Resources []Resource // distinct, every one that a fragment names
	Fragments []Fragment // one per trace
	Spans     int
	Bytes     int // of the request, uncompressed
}

// Row is one span, walked but not copied: every slice points into the bytes that the Decoder was given or into its buffers, and
// is good until the Decoder goes on.
type Row struct {
	TraceID          tael.TraceID
	SpanID, ParentID tael.SpanID
	Start, End       uint64
	Sequence         uint64 // of the hot entry that holds the span, see tael.Span
	Kind             int32
	StatusCode       int32
	Flags            uint32
	Name             []byte
	TraceState       []byte
	StatusMessage    []byte
	Attributes       []Attr
	Events           []EventRow
	Links            []LinkRow

	DroppedAttributes, DroppedEvents, DroppedLinks uint32

	// Resource and Scope are decoded once per distinct content and stay good for the Decoder's life, so their pointers can be
	// used as map keys and compared.
	Resource *ResourceRow
	Scope    *tael.Scope

	scopeTerms []uint64 // of Scope's attributes; nil when they were not computed
}

// ResourceRow is a resource with its schema URL, decoded once.
type ResourceRow struct {
	ID ResourceID
	tael.Resource
	Service string // tael.Resource.ServiceName

	terms []uint64 // of the service and the attributes; nil when they were not computed
}

// Attr is one attribute, borrowed. Num holds a KindInt (as int64), a KindDouble (its bits) or a KindBool (0 or 1); Bytes
// holds a KindString or KindBytes, and for a KindArray or KindMap the encoding of the whole AnyValue message.
type Attr struct {
	Key   []byte
	Kind  tael.Kind
	Num   uint64
	Bytes []byte
}

// EventRow is an event, borrowed.
type EventRow struct {
	Time       uint64
	Name       []byte
	Attributes []Attr
	Dropped    uint32
}

// LinkRow is a link, borrowed.
type LinkRow struct {
	TraceID    tael.TraceID
	SpanID     tael.SpanID
	TraceState []byte
	Attributes []Attr
	Dropped    uint32
	Flags      uint32
}

// Identity is the row's identity within its tenant.
func (r *Row) Identity() tael.Identity {
	return tael.Identity{TraceID: r.TraceID, SpanID: r.SpanID, Kind: tael.SpanKind(r.Kind)}
}

// Version is the row's version.
func (r *Row) Version() tael.Version { return tael.Version{End: r.End, Sequence: r.Sequence} }

// Duration is in nanoseconds, 0 when the span ends before it starts.
func (r *Row) Duration() uint64 { return tael.Duration(r.Start, r.End) }
