package compactor

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// stuck is a hot tier with segments of one tenant, and a cold one that cannot read a file of its, or cannot take a commit.
type stuck struct {
	tiers
	segments  []uint64
	watermark uint64
	commit    error
	cleaned   int
}

func (s *stuck) Sealed() (list []Segment) {
	for _, n := range s.segments {
		list = append(list, one{n})
	}
	return list
}
func (s *stuck) Watermark() uint64 { return s.watermark }
func (s *stuck) Swap(_ context.Context, counter uint64) error {
	s.segments = s.segments[1:]
	return nil
}
func (s *stuck) Begin(_ context.Context, counter uint64) (Tx, error) { return stuckTx{s, counter}, nil }
func (s *stuck) Sweep(context.Context) (Removed, error) {
	s.cleaned++
	return Removed{}, nil
}

type stuckTx struct {
	of      *stuck
	counter uint64
}

func (x stuckTx) Versions(context.Context, string, []tael.TraceID, func(Found)) error {
	return tael.ErrDamaged
}
func (stuckTx) Append(context.Context, string, *fragment.Row) error { return nil }
func (stuckTx) Delete(Found)                                        {}
func (stuckTx) Abort(context.Context)                               {}
func (x stuckTx) Commit(context.Context) (Committed, error) {
	if x.of.commit == nil {
		x.of.watermark = x.counter
	}
	return Committed{}, x.of.commit
}

// one is a segment with a trace without spans.
type one struct{ counter uint64 }

func (s one) Counter() uint64 { return s.counter }
func (one) Spans() int64      { return 1 }
func (one) Bytes() int64      { return 1 }
func (one) Traces(_ context.Context, yield func(string, Trace) error) error {
	return yield("tenant", empty{})
}

type empty struct{}

func (empty) ID() tael.TraceID                     { return tael.TraceID{1} }
func (empty) Spans() int                           { return 0 }
func (empty) Rows(func(*fragment.Row) error) error { return nil }
func (empty) Keys(func(*fragment.Row) error) error { return nil }

// Flushes wait for a file that cannot be read once, not once a segment; maintenance goes on meanwhile, and does not count as a flush that worked.
func TestDamageIsWaitedForOnce(t *testing.T) {
	s := &stuck{segments: []uint64{1, 2, 3}}
	o := DefaultOptions()
	o.Retention = 0
	now := time.Unix(1_700_000_000, 0)
	o.Now = func() time.Time { return now }
	c, err := New(s, s, s, s, o)
	if err != nil {
		t.Fatal(err)
	}
	began := now
	for range 12 {
		if err := c.pass(t.Context()); !errors.Is(err, tael.ErrDamaged) {
			t.Fatalf("after %v: %v", now.Sub(began), err)
		}
		if since, failing := c.Failing(); failing == nil || !since.Equal(began) {
			t.Fatalf("after %v: failing since %v: %v", now.Sub(began), since, failing)
		}
		now = now.Add(o.RetryAfter)
	}
	if err := c.pass(t.Context()); err != nil || len(s.segments) != 0 {
		t.Fatalf("after %v: segments %v are left, %v", now.Sub(began), s.segments, err)
	}
	if _, failing := c.Failing(); failing != nil || s.cleaned != 2 {
		t.Fatalf("failing %v, cleaned up %d times", failing, s.cleaned)
	}

	// An hour later the file may have been restored, or another be gone: that is waited for again.
	now = now.Add(patienceAgain + time.Second)
	s.segments = []uint64{4}
	if err := c.pass(t.Context()); !errors.Is(err, tael.ErrDamaged) {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

// The time that flushes have been failing goes on while maintenance works.
func TestMaintenanceDoesNotHideFailingFlushes(t *testing.T) {
	s := &stuck{segments: []uint64{1}, commit: errors.New("no bucket")}
	o := DefaultOptions()
	o.Retention, o.DamagePatience = 0, 0
	now := time.Unix(1_700_000_000, 0)
	o.Now = func() time.Time { return now }
	c, err := New(s, s, s, s, o)
	if err != nil {
		t.Fatal(err)
	}
	began := now
	for range 5 {
		if err := c.pass(t.Context()); err == nil {
			t.Fatal("the flush worked")
		}
		now = now.Add(o.MaintainEvery)
	}
	if since, failing := c.Failing(); failing == nil || !since.Equal(began) || s.cleaned != 5 {
		t.Fatalf("failing since %v: %v; cleaned up %d times", since, failing, s.cleaned)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}
