package cold

import (
	"context"
	"errors"

	"github.com/taeldb/tael/engine/cold/objstore"
)

// Table is the open table. All methods are safe for concurrent use.
type Table struct {
	store objstore.Store
	opts  Options
}

var errSkeleton = errors.New("cold: not written yet")

// Open opens the table in the store, which stays the caller's, and creates it when there is none. A table of a newer format is a tael.ErrNewer, one
// whose metadata cannot be read a tael.ErrDamaged, both by name.
func Open(ctx context.Context, store objstore.Store, opts Options) (*Table, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	return &Table{store: store, opts: opts}, errSkeleton
}

// Refresh looks for commits of others, so that the next View has them. Its own commits are seen at once without it.
func (t *Table) Refresh(ctx context.Context) error { return errSkeleton }

// Watermark is the counter of the newest segment of a data directory whose spans are all in the table.
func (t *Table) Watermark(dataDir string) (counter uint64, ok bool) { return 0, false }

// View is the table now. The caller releases it.
func (t *Table) View() *View { return nil }

// Close waits for what is running and closes the table; views that are still held go on failing with tael.ErrClosed. It is idempotent.
func (t *Table) Close() error { return nil }
