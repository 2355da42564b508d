package cold

import (
	"context"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
)

// View is the table at one snapshot. It implements query.Source. Its files stay in the store for Options.SnapshotGrace after they were superseded.
//
// A data file that is missing or damaged never hides the others: Scan.Next gives an error that wraps tael.ErrDamaged and names the
// file, once, and goes on with the other files at the next call; Trace and Versions give what they could read together with such an error (errors.Join of one a file).
// The caller answers partially and names what is missing.
type View struct{}

var _ query.Source = (*View)(nil)

// Release ends the view's use. It is idempotent.
func (v *View) Release() {}

// Snapshot is the id of the Iceberg snapshot, 0 for an empty table.
func (v *View) Snapshot() int64 { return 0 }

// Files is the number of data files in the view.
func (v *View) Files() int { return 0 }

// Scan implements query.Source.
func (v *View) Scan(ctx context.Context, req query.ScanRequest) (query.Scan, error) {
	return nil, errSkeleton
}

// Trace implements query.Source. Damaged files: see View.
func (v *View) Trace(ctx context.Context, tenant string, id tael.TraceID, o tael.TraceOptions, m *query.Meter) ([]tael.Span, error) {
	return nil, errSkeleton
}

// Versions implements query.Source. Damaged files: see View.
func (v *View) Versions(ctx context.Context, tenant string, ids []tael.TraceID, m *query.Meter, yield func(tael.Identity, tael.Version)) error {
	return errSkeleton
}

// Stats implements query.Source.
func (v *View) Stats(ctx context.Context, tenant string, s *tael.Stats) error { return errSkeleton }
