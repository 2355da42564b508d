package cold

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/taeldb/tael"
)

// loadOlder loads the newest metadata file that can be read, when the newest of all cannot (damage says why).
func (t *Table) loadOlder(ctx context.Context, damage error) (*state, error) {
	versions := map[int]bool{}
	for info, err := range t.store.List(ctx, metadataKey+versionPrefix) {
		if err != nil {
			return nil, errors.Join(damage, fmt.Errorf("cold: look for older table metadata: %w", err))
		}
		if n, ok := parseVersionKey(info.Key); ok {
			versions[n] = true
		}
	}
	for _, n := range slices.Backward(slices.Sorted(maps.Keys(versions))) {
		// Looked at never: whatever would commit on it looks for the newest first, and finds the damage, or finds it mended.
		h, err := t.readHead(ctx, n, time.Time{})
		var s *state
		if err == nil {
			s, err = t.load(ctx, h, nil)
		}
		if err == nil {
			s.stale = fmt.Errorf("%w: the table is shown as it was at %s", damage, versionKey(n))
			t.opts.Logger.ErrorContext(ctx, "the newest metadata of the cold table cannot be read; an older one is shown, and nothing is flushed until it is restored or removed",
				"shown", versionKey(n), "error", damage)
			return s, nil
		}
		if !errors.Is(err, tael.ErrDamaged) {
			return nil, err
		}
	}
	return nil, damage
}
