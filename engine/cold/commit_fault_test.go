package cold

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/cold/objstore"
	"github.com/taeldb/tael/internal/testkit/faultstore"
)

// newFaultyTable is a table with one flush, whose store can be made to fail.
func newFaultyTable(t *testing.T) (*Table, *faultstore.Store) {
	t.Helper()
	dir := memoryDir(t)
	store := faultstore.New(openStore(t, dir))
	t.Cleanup(store.Clear)
	table := openTable(t, store, "file://"+dir, func(o *Options) { o.SettleTimeout = 100 * time.Millisecond })
	mustFlush(t, table, nodeA, 1, tael.DefaultTenant, traceOf(1, 3, noon))
	return table, store
}

// again flushes the segment once more and checks that its spans are there once.
func again(t *testing.T, table *Table, already bool) {
	t.Helper()
	done := mustFlush(t, table, nodeA, 2, tael.DefaultTenant, traceOf(2, 4, noon))
	if done.Already != already {
		t.Errorf("committed %+v, want already %t", done, already)
	}
	if got := readTrace(t, table, tael.DefaultTenant, 2); len(got) != 4 {
		t.Errorf("%d spans, want 4", len(got))
	}
}

// The reply to a commit is lost, the client's own retry meets what its first try has stored, and that cannot be read: the files of the commit
// must stay, because the table has them.
func TestCommitOfUnknownOutcomeKeepsItsFiles(t *testing.T) {
	for _, kind := range []faultstore.Kind{faultstore.Fail, faultstore.Garbage, faultstore.Truncate, faultstore.Stall} {
		t.Run(string(kind), func(t *testing.T) {
			table, store := newFaultyTable(t)
			exists := fmt.Errorf("retry: %w", objstore.ErrExists)
			store.Inject(faultstore.Fault{Op: objstore.OpPutIfAbsent, Kind: faultstore.LostReply, Err: exists})
			store.Inject(faultstore.Fault{Op: objstore.OpGet, Key: versionKey(3), Kind: kind})
			if _, err := flush(t.Context(), table, nodeA, 2, tael.DefaultTenant, traceOf(2, 4, noon)); !errors.Is(err, errUnknown) {
				t.Fatalf("flush: %v", err)
			}
			store.Clear()
			again(t, table, true)
		})
	}
}

// A store that leaves half of a metadata file, which it must not, stops commits with an error that names the file. Nothing is removed because of one
// bad read; when somebody has removed the file, the table goes on.
func TestTornMetadataIsNamed(t *testing.T) {
	table, store := newFaultyTable(t)
	store.Inject(faultstore.Fault{Op: objstore.OpPutIfAbsent, Kind: faultstore.TearVisible})
	_, err := flush(t.Context(), table, nodeA, 2, tael.DefaultTenant, traceOf(2, 4, noon))
	store.Clear()
	for range 2 {
		if err == nil || !strings.Contains(err.Error(), versionKey(3)) {
			t.Fatalf("flush: %v", err)
		}
		_, err = flush(t.Context(), table, nodeA, 2, tael.DefaultTenant, traceOf(2, 4, noon))
	}
	if err := store.Delete(t.Context(), versionKey(3)); err != nil {
		t.Fatal(err)
	}
	again(t, table, false)
}

// A commit whose result cannot be read back, because the store hangs, ends all the same, and is seen when it can.
func TestCommitEndsWhenTheStoreHangsAfterIt(t *testing.T) {
	table, store := newFaultyTable(t)
	table.opts.Hook = func(step string) {
		if step == StepCommitMetadata+".after" {
			store.Inject(faultstore.Fault{Kind: faultstore.Stall})
		}
	}
	if _, err := flush(t.Context(), table, nodeA, 2, tael.DefaultTenant, traceOf(2, 4, noon)); err != nil {
		t.Fatalf("flush: %v", err)
	}
	store.Clear()
	table.opts.Hook = func(string) {}
	again(t, table, true)
}

// Position deletes that could not be read are read at the next look.
func TestDamageOfDeletesHeals(t *testing.T) {
	table, store := newFaultyTable(t)
	changed := traceOf(1, 1, noon)
	changed[0].End++
	mustFlush(t, table, nodeA, 2, tael.DefaultTenant, changed)
	store.Inject(faultstore.Fault{Op: objstore.OpGet, Key: deletesSuffix, Kind: faultstore.Garbage})
	other := openTable(t, store, table.opts.Location)
	v := other.View()
	_, err := v.Trace(t.Context(), tael.DefaultTenant, traceID(1), tael.TraceOptions{}, nil)
	if v.Release(); !errors.Is(err, tael.ErrDamaged) {
		t.Fatalf("trace: %v", err)
	}
	store.Clear()
	if err := other.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := readTrace(t, other, tael.DefaultTenant, 1); len(got) != 3 {
		t.Errorf("%d spans, want 3", len(got))
	}
}
