package cold

import (
	"context"
	"testing"
	"time"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/cold/objstore"
	"github.com/taeldb/tael/engine/query"
	"github.com/taeldb/tael/internal/testkit/s3server"
)

// The same on a bucket: what differs is the store, so one pass over each part is enough here.
func TestOnS3(t *testing.T) {
	server := s3server.Start(t, s3server.Versitygw)
	open := func() (*Table, objstore.Store) {
		store, err := objstore.Open(context.Background(), server.URL("cold"), server.Options())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { store.Close() })
		return openTable(t, store, server.URL("cold")), store
	}
	a, _ := open()
	b, store := open()
	race(t, a, b, 3)
	changed := spanOf(1, 1, noon)
	changed.End += 1000
	if done := mustFlush(t, a, nodeA, 4, "acme", []tael.Span{changed}); done.Deleted != 1 {
		t.Errorf("committed %+v, want one row superseded", done)
	}
	if _, err := a.DropDays(context.Background(), "", noon.Add(-48*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := b.Refresh(context.Background()); err != nil {
		t.Fatal(err)
	}
	v := b.View()
	defer v.Release()
	if got := scanAll(t, v, query.ScanRequest{Tenant: "acme"}); len(got.starts) != 12 || len(got.errs) != 0 {
		t.Errorf("%d rows (%v), want 12", len(got.starts), got.errs)
	}
	if n := len(readTrace(t, b, "acme", 1)); n != 2 {
		t.Errorf("%d spans, want 2", n)
	}
	// A file that is gone is named.
	victim := b.state.Load().tenants["acme"][0]
	if err := store.Delete(context.Background(), victim.key); err != nil {
		t.Fatal(err)
	}
	fresh, _ := open()
	if got := scanAll(t, fresh.View(), query.ScanRequest{Tenant: "acme"}); len(got.errs) != 1 {
		t.Errorf("errors %v, want one that names %s", got.errs, victim.key)
	}
	removed, err := fresh.Orphans(context.Background(), nodeA, 0)
	if err != nil || removed.Files != 0 {
		t.Errorf("orphans within the grace: %+v, %v", removed, err)
	}
}
