// Package query answers over a view of the tiers: it plans which scans can hold matches, pulls Arrow record batches from
// them newest first, filters, drops superseded versions, keeps the best rows and fetches whole spans for those only.
package query

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// Source is one tier of a view: an immutable set of spans. Methods are safe for concurrent use.
//
// What they read is charged to the Meter, whose error they return as it is: bytes, files, row groups and fragments as they are read, and
// the rows of a batch when Next yields it. A method that makes many spans (Trace, Scan.Fetch) also holds each (Meter.Hold of
// SpanBytes) as it makes it and gives all of it back when it returns, so that an answer too large for memory stops early.
//
// A part that cannot be read back is an error that wraps tael.ErrDamaged and names the part. What could be read is given nevertheless: Trace returns
// the other spans beside the error, Versions yields the others before it returns the error, and Next may be called again and goes on
// after the part.
//
// A source that cannot be reached now is an error that wraps tael.ErrUnavailable. The query goes on without it, and its answer is partial.
type Source interface {
	// Scan plans a scan. It reads little or nothing; Scan.Next does the work.
	Scan(ctx context.Context, req ScanRequest) (Scan, error)
	// Trace gives every stored version of every span of the trace, in no order; none is not an error.
	Trace(ctx context.Context, tenant string, id tael.TraceID, o tael.TraceOptions, m *Meter) ([]tael.Span, error)
	// Versions calls yield with every stored version of every span of the traces, in no order. It must be cheap for traces that the
	// source does not hold.
	Versions(ctx context.Context, tenant string, ids []tael.TraceID, m *Meter, yield func(tael.Identity, tael.Version)) error
	// Stats adds the source's share of the tenant's counts to s.
	Stats(ctx context.Context, tenant string, s *tael.Stats) error
}

// ScanRequest says what a scan must yield: every stored span of the tenant that matches the filter, and as few others as is cheap.
// The caller tests every row again, so a source may use as much of the filter as helps.
type ScanRequest struct {
	Tenant  string
	Filter  *tael.Filter
	Terms   [][]uint64 // fragment.FilterTerms(Filter): of each list at least one must be in a part's filter
	Sort    tael.Sort
	Columns fragment.Columns
	Meter   *Meter
}

// Scan yields record batches, those that can hold the best rows first. It is used by one goroutine.
type Scan interface {
	// Bound is the largest sort key (start for SortTime, duration for SortDuration; nanoseconds) that a matching row of the next or any
	// later batch can have. It never rises, and is false when nothing is left.
	Bound() (uint64, bool)
	// Next yields the next batch, which may have no rows; the caller releases it. io.EOF at the end.
	Next(ctx context.Context) (arrow.RecordBatch, error)
	// Fetch gives the whole spans at values of the column "row", in the order asked. It works until Close, for rows of any batch yielded.
	Fetch(ctx context.Context, rows []int64) ([]tael.Span, error)
	// Close frees what the scan holds. It is idempotent.
	Close()
}

// Describer is a Source that can say how large its tier is: it adds to HotSegments or ColdFiles.
type Describer interface {
	Describe(e *tael.Explain)
}

// TracesReader is a Source that reads many traces for less than what each costs alone, because those of a list lie close together.
type TracesReader interface {
	// Traces gives what Source.Trace gives for each of the traces, which are distinct, in no order.
	Traces(ctx context.Context, tenant string, ids []tael.TraceID, m *Meter) ([]tael.Span, error)
}
