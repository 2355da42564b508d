package cold

import (
	"context"

	"github.com/apache/iceberg-go/table"
)

// finish makes a commit visible here and tidies up after it. Nothing in it can undo the commit, so its failures are only logged.
func (t *Table) finish(ctx context.Context, base *state, h *head) {
	ctx, cancel := t.settling(ctx)
	defer cancel()
	next, err := t.load(ctx, h, base)
	t.fresh.clear()
	if err != nil {
		t.opts.Logger.ErrorContext(ctx, "the commit to the cold table is done, but cannot be read back yet", "version", h.version, "error", err)
	} else {
		t.publish(next)
	}
	err = t.step(StepCommitHint, func() error { return t.writeHint(ctx, h.version) })
	if err != nil {
		t.opts.Logger.WarnContext(ctx, "the version hint of the cold table is behind", "version", h.version, "error", err)
	}
	if _, old := t.trimmed(base.head); len(old) > 0 {
		err = t.step(StepCommitTrim, func() error {
			for _, n := range old {
				if err := t.store.Delete(ctx, versionKey(n)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.opts.Logger.WarnContext(ctx, "an old metadata file of the cold table stays", "error", err)
		}
	}
}

// trimmed says how many entries of the metadata log the next commit keeps, and the versions of the others, whose files go after it.
// An entry goes when its successor is older than MetadataGrace.
func (t *Table) trimmed(h *head) (keep int, versions []int) {
	var log []table.MetadataLogEntry
	for e := range h.meta.PreviousFiles() {
		log = append(log, e)
	}
	limit := t.opts.Now().Add(-t.opts.MetadataGrace).UnixMilli()
	gone := 0
	for i := range log {
		superseded := h.meta.LastUpdatedMillis()
		if i+1 < len(log) {
			superseded = log[i+1].TimestampMs
		}
		if superseded > limit {
			break
		}
		gone++
		if key, err := reroot(log[i].MetadataFile); err == nil {
			if n, ok := parseVersionKey(key); ok && n < h.version {
				versions = append(versions, n)
			}
		}
	}
	return len(log) - gone, versions
}
