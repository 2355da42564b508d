package cold

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

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
	step     string // StepCommitMetadata or StepExpireCommit
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
			t.finish(context.WithoutCancel(ctx), base, next)
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
		winner, readErr := a.readHead(context.WithoutCancel(ctx), n, time.Time{})
		switch {
		case readErr == nil && winner.meta.Properties()[propertyCommit] == a.id:
		case readErr == nil || errors.Is(err, objstore.ErrExists) && errors.Is(readErr, tael.ErrNewer):
			return false, nil // the next look says what is wrong with it, if anything
		case errors.Is(err, objstore.ErrExists):
			return false, readErr
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

// metadata is base's metadata with the edit.
func (a *attempt) metadata(base *state, e *edit, list string) (meta table.Metadata, err error) {
	err = guard(func() error {
		b, err := table.MetadataBuilderFromBase(base.head.meta, a.path(versionKey(base.head.version)))
		if err != nil {
			return err
		}
		keep, _ := a.trimmed(base.head)
		b.TrimMetadataLogs(keep)
		properties := iceberg.Properties{propertyCommit: a.id}
		maps.Copy(properties, e.properties)
		if err := errors.Join(b.SetLoc(a.path(tableKey)), b.SetProperties(properties)); err != nil {
			return err
		}
		expire := e.expire
		if e.operation == "" {
			// The library stamps what brings no snapshot with a clock of its own, and refuses it when that is behind the table's newest commit,
			// which another machine's clock may have made. A snapshot that goes again at once carries the time in.
			if err := b.AddSnapshot(a.newSnapshot(base, e, "")); err != nil {
				return err
			}
			expire = append(slices.Clone(expire), a.snapshot)
		}
		if len(expire) > 0 {
			if err := b.RemoveSnapshots(expire, false); err != nil {
				return err
			}
		}
		if e.operation != "" {
			if err := b.AddSnapshot(a.newSnapshot(base, e, list)); err != nil {
				return err
			}
			if err := b.SetSnapshotRef(table.MainBranch, a.snapshot, table.BranchRef); err != nil {
				return err
			}
		}
		meta, err = b.Build()
		return err
	})
	return meta, err
}

func (a *attempt) newSnapshot(base *state, e *edit, list string) *table.Snapshot {
	schema := base.head.meta.CurrentSchema().ID
	s := &table.Snapshot{
		SnapshotID: a.snapshot, SequenceNumber: base.head.meta.LastSequenceNumber() + 1, SchemaID: &schema, ManifestList: a.path(list),
		TimestampMs: a.timestamp(base),
		Summary:     &table.Summary{Operation: e.operation, Properties: summary(base, e)},
	}
	if base.snapshot != nil {
		parent := base.snapshot.SnapshotID
		s.ParentSnapshotID = &parent
	}
	s.Summary.Properties[propertyCommit] = a.id
	return s
}

// timestamp never goes back: clocks of two machines differ, and Iceberg refuses a snapshot that is older than the one before.
func (a *attempt) timestamp(base *state) int64 {
	return max(a.opts.Now().UnixMilli(), base.head.meta.LastUpdatedMillis())
}

// summary counts the edit and the snapshot, in Iceberg's words.
func summary(base *state, e *edit) iceberg.Properties {
	var added, addedRows, addedBytes, addedDeletes, addedPositions, dropped, droppedRows, droppedBytes, droppedDeletes, droppedPositions int64
	for _, f := range e.data {
		added, addedRows, addedBytes = added+1, addedRows+f.Count(), addedBytes+f.FileSizeBytes()
	}
	for _, f := range e.deletes {
		addedDeletes, addedPositions, addedBytes = addedDeletes+1, addedPositions+f.Count(), addedBytes+f.FileSizeBytes()
	}
	for key := range e.drop {
		if f := base.files[key]; f != nil {
			dropped, droppedRows, droppedBytes = dropped+1, droppedRows+f.rows, droppedBytes+f.bytes
		}
		if f := base.deletes[key]; f != nil {
			droppedDeletes, droppedPositions, droppedBytes = droppedDeletes+1, droppedPositions+f.rows, droppedBytes+f.bytes
		}
	}
	p := iceberg.Properties{}
	put := func(key string, n int64, always bool) {
		if n != 0 || always {
			p[key] = strconv.FormatInt(n, 10)
		}
	}
	put("added-data-files", added, false)
	put("added-records", addedRows, false)
	put("added-files-size", addedBytes, false)
	put("added-delete-files", addedDeletes, false)
	put("added-position-delete-files", addedDeletes, false)
	put("added-position-deletes", addedPositions, false)
	put("deleted-data-files", dropped, false)
	put("deleted-records", droppedRows, false)
	put("removed-files-size", droppedBytes, false)
	put("removed-delete-files", droppedDeletes, false)
	put("removed-position-delete-files", droppedDeletes, false)
	put("removed-position-deletes", droppedPositions, false)
	stored, deleted := base.rows()
	put("total-data-files", int64(len(base.files))+added-dropped, true)
	put("total-records", stored+addedRows-droppedRows, true)
	put("total-files-size", base.bytes()+addedBytes-droppedBytes, true)
	put("total-delete-files", int64(len(base.deletes))+addedDeletes-droppedDeletes, true)
	put("total-position-deletes", deleted+addedPositions-droppedPositions, true)
	put("total-equality-deletes", 0, true)
	return p
}

// writeManifests writes the manifests of the edit and the manifest list, and names all that was written.
func (a *attempt) writeManifests(ctx context.Context, base *state, e *edit, try int) (list string, written []string, err error) {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(a.opts.Parallel)
	var slots []*writtenManifest // in the order of the list, new manifests first
	write := func(run func(ctx context.Context, name string) (writtenManifest, error)) {
		name := manifestName(a.owner, a.id, try<<16|len(slots))
		slot := new(writtenManifest)
		slots = append(slots, slot)
		g.Go(func() (err error) {
			*slot, err = run(gctx, name)
			return err
		})
	}
	if len(e.data) > 0 {
		write(func(ctx context.Context, name string) (writtenManifest, error) {
			return a.addedManifest(ctx, base, name, iceberg.ManifestContentData, a.snapshot, e.data)
		})
	}
	if len(e.deletes) > 0 {
		write(func(ctx context.Context, name string) (writtenManifest, error) {
			return a.addedManifest(ctx, base, name, iceberg.ManifestContentDeletes, a.snapshot, e.deletes)
		})
	}
	kept, groups := arrange(base.manifests, e.drop)
	for _, group := range groups {
		write(func(ctx context.Context, name string) (writtenManifest, error) {
			return a.rewriteManifests(ctx, base, name, a.snapshot, group, e.drop)
		})
	}
	err = g.Wait()
	files := make([]iceberg.ManifestFile, 0, len(slots)+len(kept))
	for _, s := range slots {
		files = append(files, s.file)
		if s.key != "" {
			written = append(written, s.key)
		}
	}
	if err != nil {
		return "", written, err
	}
	for _, m := range kept {
		files = append(files, m.file)
	}
	var parent *int64
	if base.snapshot != nil {
		parent = &base.snapshot.SnapshotID
	}
	list, err = a.writeManifestList(ctx, manifestListName(a.owner, a.id, try), a.snapshot, parent, base.head.meta.LastSequenceNumber()+1, files)
	if list != "" {
		written = append(written, list)
	}
	return list, written, err
}

// arrange says which manifests stay and which are rewritten, each group into one: those that list a file to drop, one by one, and of
// the others those that planMerge asks for. Manifests without live files go.
func arrange(manifests []*manifest, drop map[string]bool) (kept []*manifest, groups [][]*manifest) {
	var sizes []manifestSize
	var rest []*manifest
	for _, m := range manifests {
		switch {
		case m.entries() == 0:
		case m.lists(drop):
			groups = append(groups, []*manifest{m})
		default:
			rest = append(rest, m)
			sizes = append(sizes, manifestSize{m.file.ManifestContent(), m.entries()})
		}
	}
	merged := map[int]bool{}
	for _, indexes := range planMerge(sizes) {
		var group []*manifest
		for _, i := range indexes {
			group, merged[i] = append(group, rest[i]), true
		}
		groups = append(groups, group)
	}
	for i, m := range rest {
		if !merged[i] {
			kept = append(kept, m)
		}
	}
	return kept, groups
}

func (m *manifest) lists(drop map[string]bool) bool {
	if len(drop) == 0 {
		return false
	}
	for _, f := range m.data {
		if drop[f.key] {
			return true
		}
	}
	for _, f := range m.deletes {
		if drop[f.key] {
			return true
		}
	}
	return false
}

// discard removes files of a try that did not become part of the table. What stays behind is an orphan.
func (a *attempt) discard(ctx context.Context, keys []string) {
	for _, key := range keys {
		if err := a.store.Delete(context.WithoutCancel(ctx), key); err != nil {
			a.opts.Logger.WarnContext(ctx, "a file of a lost commit stays until orphans are removed", "key", key, "error", err)
		}
	}
}
