package cold

import (
	"context"
	"errors"
	"fmt"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/cold/objstore"
)

// ErrConflict is returned by Tx.Commit when somebody else has committed spans of the same traces meanwhile, so that the versions that the
// caller compared may be stale. Nothing was committed: abort and begin again.
var ErrConflict = errors.New("a concurrent commit has spans of the same traces: begin again")

// damaged names an object that cannot be read back. An object that should exist and does not is damage, too: it must never reach a
// client as "not found". Other errors of the store keep their class.
func damaged(what, key string, err error) error {
	if errors.Is(err, tael.ErrDamaged) || errors.Is(err, tael.ErrUnavailable) || errors.Is(err, tael.ErrNewer) || errors.Is(err, tael.ErrClosed) ||
		errors.Is(err, tael.ErrBudget) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("cold: %s %s: %w", what, key, err)
	}
	if errors.Is(err, objstore.ErrNotFound) {
		return fmt.Errorf("cold: %s %s: %w: the object is missing", what, key, tael.ErrDamaged)
	}
	return fmt.Errorf("cold: %s %s: %w: %w", what, key, tael.ErrDamaged, err)
}
