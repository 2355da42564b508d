package spanfile

import (
	"context"
	"errors"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
)

var errSkeleton = errors.New("spanfile: reader not there yet")

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
