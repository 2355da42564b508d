package engine

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/taeldb/tael/fragment"
	"github.com/taeldb/tael/internal/testkit/s3server"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

// clock is storetest.Base and goes on from there as time does.
func clock() func() time.Time {
	began := time.Now()
	return func() time.Time { return storetest.Base.Add(time.Since(began)) }
}

// smallOptions are of an engine of which many are opened: little memory and disk, days kept, nothing sealed by age.
func smallOptions(t testing.TB) Options {
	t.Helper()
	o := DefaultOptions()
	o.DataDir = storetest.Dir(t)
	o.MemoryLimit = minMemory
	o.HotMaxBytes = 4 << 20
	o.HotMaxAge = time.Hour
	o.MinFreeDisk = 0
	o.Retention = 0
	o.Now = clock()
	return o
}

// harness is an Engine that can be closed and opened again on its data.
type harness struct {
	*Engine
	o Options
}

var _ storetest.Harness = (*harness)(nil)

func newHarness(t testing.TB, o Options) *harness {
	t.Helper()
	h := &harness{o: o}
	if err := h.open(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

func (h *harness) open(ctx context.Context) (err error) {
	e, err := Open(ctx, h.o)
	if err == nil {
		h.Engine = e
	}
	return err
}

func (h *harness) Flush(ctx context.Context) error {
	_, err := h.Engine.Flush(ctx)
	return err
}

func (h *harness) Restart(ctx context.Context) error {
	if err := h.Close(); err != nil {
		return err
	}
	return h.open(ctx)
}

// restarting opens the store again after every third append.
type restarting struct {
	storetest.Harness
	appends int
}

func (r *restarting) Append(ctx context.Context, b *fragment.Batch) error {
	if err := r.Harness.Append(ctx, b); err != nil {
		return err
	}
	if r.appends++; r.appends%3 != 0 {
		return nil
	}
	return r.Restart(ctx)
}

// onServer gives options of engines that share an S3 server, each with a prefix of its own.
func onServer(t *testing.T, kind s3server.Kind) func(t testing.TB) Options {
	t.Helper()
	s := s3server.Start(t, kind)
	var n atomic.Int32
	return func(t testing.TB) Options {
		t.Helper()
		o := smallOptions(t)
		o.ColdURL, o.S3 = s.URL(fmt.Sprintf("e%d", n.Add(1))), s.Options()
		return o
	}
}
