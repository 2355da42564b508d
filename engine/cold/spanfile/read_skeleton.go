package spanfile

import (
	"context"
	"errors"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
)

var errSkeleton = errors.New("spanfile: reader not there yet")

type Shared struct{}

func NewShared(cacheBytes int64) *Shared { return &Shared{} }

// Deleted is the rows of a file that position deletes took out of the table, in ascending order. Nil is none.
type Deleted []int64

// File is an open file. It is safe for concurrent use and holds nothing that needs closing.
type File struct{}

func Open(ctx context.Context, r RangeReader, size int64, o ReadOptions) (*File, error) {
	return nil, errSkeleton
}

func (f *File) Info() Info         { return Info{} }
func (f *File) MemoryBytes() int64 { return 0 }

// HasTrace tells whether the file can have rows of the trace, without reading. False is certain.
func (f *File) HasTrace(id tael.TraceID) bool { return false }

// Trace gives the rows of a trace that are not deleted; none is not an error.
func (f *File) Trace(ctx context.Context, id tael.TraceID, deleted Deleted, m *query.Meter) ([]tael.Span, error) {
	return nil, errSkeleton
}

// Versions calls yield with every row of the traces that is not deleted.
func (f *File) Versions(ctx context.Context, ids []tael.TraceID, deleted Deleted, m *query.Meter, yield func(row int64, id tael.Identity, v tael.Version)) error {
	return errSkeleton
}

// Scan gives the row groups that can have matching rows, in file order. It reads the term filters at most.
func (f *File) Scan(ctx context.Context, req query.ScanRequest, deleted Deleted) ([]*GroupScan, error) {
	return nil, errSkeleton
}

// GroupScan is the scan of one row group. It is used by one goroutine.
type GroupScan struct{}

// Bound is the largest sort key of a row that is still to come; false when nothing is left.
func (g *GroupScan) Bound(by tael.Sort) (uint64, bool) { return 0, false }

// Next gives the next batch, whose column "row" has rows of the file; io.EOF at the end.
func (g *GroupScan) Next(ctx context.Context) (arrow.RecordBatch, error) { return nil, errSkeleton }

// Close frees what the scan holds. It is idempotent.
func (g *GroupScan) Close() {}

// Fetch gives the spans of rows of the file, in the order asked.
func (f *File) Fetch(ctx context.Context, rows []int64, m *query.Meter) ([]tael.Span, error) {
	return nil, errSkeleton
}

// Rows calls yield with every row that is not deleted, in file order. The span is yield's to keep.
func (f *File) Rows(ctx context.Context, deleted Deleted, yield func(row int64, s *tael.Span) error) error {
	return errSkeleton
}
