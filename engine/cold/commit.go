package cold

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/cold/objstore"
)

// edit is what a commit changes, decided anew on every base.
type edit struct {
	operation     table.Operation // of the new snapshot; "" makes none
	data, deletes []iceberg.DataFile
	drop          map[string]bool // keys of data and delete files to take out
	properties    iceberg.Properties
	expire        []int64 // snapshots to forget
}

// outcome is a commit that took place, or nil when there was nothing to do.
type outcome struct {
	snapshot int64 // 0 when there is no new one
	rebased  int
}

// errUnknown marks the error of a commit that may have taken place.
var errUnknown = errors.New("the commit may have taken place")

// attempt is one commit with all its tries. Its ids are the same in every try, so that it recognises itself.
type attempt struct {
	*Table
	owner    string
	id       string
	snapshot int64
	step     string // StepCommitMetadata, StepDropCommit or StepExpireCommit
}

// commit runs the protocol of docs/adr/005-catalog.md: plan an edit of the newest state, write manifests, create the next metadata file
// if it is absent; when somebody else was quicker, look at theirs and plan again. plan may end the commit with an error, or with a nil edit.
func (t *Table) commit(ctx context.Context, owner, step string, plan func(ctx context.Context, base *state) (*edit, error)) (*outcome, error) {
	t.commitMu.Lock()
	defer t.commitMu.Unlock()
	a := &attempt{Table: t, owner: owner, id: uuid.NewString(), snapshot: rand.Int64N(1<<62) + 1, step: step}
	for try := range t.opts.CommitTries {
		base := t.state.Load()
		if now := t.opts.Now(); try > 0 || now.Sub(base.head.looked) > t.opts.MetadataGrace/2 || now.Before(base.head.looked) {
			var err error
			if base, err = t.refresh(ctx); err != nil {
				return nil, err
			}
		}
		e, err := plan(ctx, base)
		if err != nil || e == nil {
			return nil, err
		}
		next, err := a.try(ctx, base, e, try)
		if err != nil {
			return nil, err
		}
		if next != nil {
			t.finish(ctx, base, next)
			out := &outcome{rebased: try}
			if e.operation != "" {
				out.snapshot = a.snapshot
			}
			return out, nil
		}
		t.opts.Logger.InfoContext(ctx, "another commit to the cold table came first, rebasing", "version", base.head.version+1, "try", try+1)
		if err := pause(ctx, try); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("cold: commit: %w: %d other commits came first; too many writers on %s", tael.ErrUnavailable, t.opts.CommitTries, t.opts.Location)
}

// pause waits a random time that grows with the tries.
func pause(ctx context.Context, try int) error {
	timer := time.NewTimer(rand.N(time.Duration(1<<min(try, 6)) * 10 * time.Millisecond))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// try makes the metadata file after base's. The head is nil when somebody else's is there.
func (a *attempt) try(ctx context.Context, base *state, e *edit, try int) (*head, error) {
	var list string
	var written []string
	var err error
	begun := a.opts.Now()
	if e.operation != "" {
		err = a.Table.step(StepCommitManifest, func() error {
			list, written, err = a.writeManifests(ctx, base, e, try)
			return err
		})
		if err != nil {
			a.discard(ctx, written)
			return nil, err
		}
	}
	meta, err := a.metadata(base, e, list)
	if err != nil {
		a.discard(ctx, written)
		return nil, fmt.Errorf("cold: make table metadata: %w", err)
	}
	data, err := marshalMetadata(meta)
	if err != nil {
		a.discard(ctx, written)
		return nil, fmt.Errorf("cold: encode table metadata: %w", err)
	}
	n, won := base.head.version+1, false
	if a.opts.Now().Sub(begun) > a.opts.OrphanGrace/2 {
		// The process stood still for so long that its manifests may have been taken for orphans.
		a.discard(ctx, written)
		return nil, nil
	}
	err = a.Table.step(a.step, func() error {
		won, err = a.put(ctx, base, n, data)
		return err
	})
	if err != nil {
		return nil, err // the file may be there: what it names stays
	}
	if !won {
		a.discard(ctx, written)
		return nil, nil
	}
	return &head{version: n, meta: meta, looked: a.opts.Now()}, nil
}

// put creates metadata file n, and finds out who won.
func (a *attempt) put(ctx context.Context, base *state, n int, data []byte) (won bool, err error) {
	err = a.store.PutIfAbsent(ctx, versionKey(n), data)
	if err != nil {
		// The reply may be lost, or the client's own retry may have met what its first try stored. The file itself knows.
		ctx, cancel := a.settling(ctx)
		defer cancel()
		winner, readErr := a.readHead(ctx, n, time.Time{})
		switch {
		case readErr == nil && winner.meta.Properties()[propertyCommit] == a.id:
		case readErr == nil || errors.Is(err, objstore.ErrExists) && errors.Is(readErr, tael.ErrNewer):
			return false, nil // the next look says what is wrong with it, if anything
		case errors.Is(err, objstore.ErrExists):
			// Whose it is, is not known: it may be our own.
			return false, fmt.Errorf("%w (%w)", readErr, errUnknown)
		default:
			return false, fmt.Errorf("cold: commit %s: %w (%w)", versionKey(n), err, errUnknown)
		}
	}
	if a.opts.Now().Sub(base.head.looked) <= a.opts.MetadataGrace/2 {
		return true, nil
	}
	// So long after the look at base, n may have been free only because that commit of somebody else is trimmed already.
	newest, err := a.discover(ctx)
	if err != nil {
		return false, fmt.Errorf("%w (%w)", err, errUnknown)
	}
	if newest == nil || newest.version <= n || newest.meta.SnapshotByID(a.snapshot) != nil {
		return true, nil
	}
	return false, a.store.Delete(ctx, versionKey(n))
}
