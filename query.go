package tael

import (
	"context"
	"time"
)

// Filter says which spans match: all of the set parts must hold. The zero Filter matches every span.
type Filter struct {
	// From and To bound the span's start, in unix nanoseconds: From <= start < To. Zero is unbounded.
	From, To uint64
	// Service is the exact service name.
	Service string
	// Operation is a case-sensitive substring of the span's name.
	Operation string
	// Status, Kind: nil matches all.
	Status *StatusCode
	Kind   *SpanKind
	// SpanID: zero matches all.
	SpanID SpanID
	// MinDuration and MaxDuration bound the duration in nanoseconds, both inclusive. MaxDuration nil is unbounded.
	MinDuration uint64
	MaxDuration *uint64
	// Attributes must all hold. See AttributeMatch.
	Attributes []AttributeMatch
}

// Sort is the order of a list. Ties are broken by (trace id, span id, kind), ascending.
type Sort uint8

// The orders.
const (
	SortTime     Sort = iota // newest start first
	SortDuration             // longest first, then newest start
)

// Limits on lists, the same at every door.
const (
	DefaultLimit = 100
	MaxLimit     = 10_000
	// MaxTraceSpans bounds the matching spans that a list of traces carries.
	MaxTraceSpans = 1000
)

// SpanQuery asks for a page of spans.
type SpanQuery struct {
	Filter
	Sort    Sort
	Limit   int    // 1 to MaxLimit; 0 is DefaultLimit
	Cursor  string // from SpanPage.NextCursor of the same query; "" is the first page
	Explain bool
}

// SpanPage is a page of spans in the asked order.
type SpanPage struct {
	Spans      []Span
	NextCursor string // "" when nothing follows
	Coverage
}

// TraceQuery asks for a page of traces: those with at least one matching span, ordered by their first span in the query's order.
type TraceQuery struct {
	Filter
	Sort    Sort
	Limit   int // counts traces
	Cursor  string
	Full    bool // sum up the whole trace instead of its matching spans
	Explain bool
}

// TracePage is a page of traces and the spans that matched.
type TracePage struct {
	Traces     []TraceSummary
	Spans      []Span // at most MaxTraceSpans, in the query's order
	Truncated  bool   // Spans was cut at MaxTraceSpans
	NextCursor string
	Coverage
}

// TraceSummary sums up the matching spans of a trace (or the whole trace, TraceQuery.Full).
type TraceSummary struct {
	TraceID       TraceID
	RootService   string // of the span without parent; of the earliest span when none is there
	RootOperation string
	Start, End    uint64
	Spans         int
	Errors        int
	Services      []string // sorted, distinct
}

// Trace is all spans of one trace, by (start, span id, kind).
type Trace struct {
	TraceID TraceID
	Spans   []Span
	Coverage
}

// TraceOptions narrows and explains the read of one trace.
type TraceOptions struct {
	// From and To are hints in unix nanoseconds: data that holds no span started in between may be left out. Zero is unbounded.
	From, To uint64
	Explain  bool
}

// Coverage says what an answer saw. Partial is true when something that could hold a match was not read; Missing names it.
type Coverage struct {
	Partial bool
	Missing []string
	Explain *Explain // when asked for
}

// Explain says what was read for an answer.
type Explain struct {
	HotSegments  int           `json:"hot_segments"`  // in the view
	ColdFiles    int           `json:"cold_files"`    // in the view
	HotFragments int           `json:"hot_fragments"` // read and decoded
	FilesRead    int           `json:"files_read"`
	FilesPruned  int           `json:"files_pruned"` // not opened: bounds or filters excluded them
	RowGroups    int           `json:"row_groups"`   // read
	Rows         int64         `json:"rows"`         // tested against the filter
	Bytes        int64         `json:"bytes"`        // read from files, and unpacked from hot fragments
	Elapsed      time.Duration `json:"elapsed_ns"`
	EarlyStop    bool          `json:"early_stop"` // the rest could not hold a better row
}

// Stats counts what a tenant has.
type Stats struct {
	Traces, Spans            int64 // cold spans exact; a trace in both tiers or in several files counts once per place, see TracesExact
	TracesExact              bool
	HotSpans, ColdSpans      int64
	HotBytes, ColdBytes      int64 // on disk; hot bytes are of the whole store's segments, shared by its tenants
	HotSegments, ColdFiles   int
	OldestStart, NewestStart uint64 // unix nanoseconds; zero when there is nothing
	Coverage                        // without Explain; what is missing counts as far as it is known
}

// Store answers for one tenant at a time. Every method is safe for concurrent use, honours the context's deadline, and
// sees every acknowledged span at once. Errors are of the classes in this package. Answers are the caller's to keep.
type Store interface {
	// Trace gives every span of a trace in its newest version, or ErrNotFound.
	Trace(ctx context.Context, tenant string, id TraceID, o TraceOptions) (*Trace, error)
	Spans(ctx context.Context, tenant string, q SpanQuery) (*SpanPage, error)
	Traces(ctx context.Context, tenant string, q TraceQuery) (*TracePage, error)
	Stats(ctx context.Context, tenant string) (*Stats, error)
}
