package compactor

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/taeldb/tael"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tiers are a hot tier with one sealed segment and a cold one that does not answer before the context ends.
type tiers struct {
	Maintainer
	began chan struct{} // one for each Begin
	seals int
}

func (t *tiers) Seal(context.Context) error         { t.seals++; return nil }
func (t *tiers) Sealed() []Segment                  { return []Segment{sealed{}} }
func (t *tiers) Watermark() uint64                  { return 0 }
func (t *tiers) Swap(context.Context, uint64) error { return errors.New("nothing was flushed") }
func (t *tiers) Pressed() bool                      { return true }
func (t *tiers) Begin(ctx context.Context, _ uint64) (Tx, error) {
	t.began <- struct{}{}
	<-ctx.Done()
	return nil, ctx.Err()
}

type sealed struct{}

func (sealed) Counter() uint64 { return 1 }
func (sealed) Spans() int64    { return 1 }
func (sealed) Bytes() int64    { return 1 }
func (sealed) Traces(context.Context, func(string, Trace) error) error {
	return errors.New("the flush did not begin")
}

// Close ends a flush that a caller waits for, however long the caller would wait, and refuses later ones.
func TestCloseEndsTheFlushOfACaller(t *testing.T) {
	all := &tiers{began: make(chan struct{}, 1)}
	o := DefaultOptions()
	c, err := New(all, all, all, all, o)
	if err != nil {
		t.Fatal(err)
	}
	flushed := make(chan error, 1)
	go func() {
		_, err := c.Flush(context.Background())
		flushed <- err
	}()
	<-all.began
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-flushed; !errors.Is(err, context.Canceled) {
		t.Fatalf("the flush ended with %v", err)
	}
	if all.seals != 0 {
		t.Errorf("more was sealed while what waits could not be moved")
	}
	if _, err := c.Flush(t.Context()); !errors.Is(err, tael.ErrClosed) {
		t.Fatalf("a flush after Close: %v", err)
	}
	if err := c.Expire(t.Context()); !errors.Is(err, tael.ErrClosed) {
		t.Fatalf("an expiry after Close: %v", err)
	}
	if _, failing := c.Failing(); failing != nil {
		t.Fatalf("what was given up counts as a failure: %v", failing)
	}
}

// Close ends a flush of the loop.
func TestCloseEndsTheLoop(t *testing.T) {
	all := &tiers{began: make(chan struct{}, 1)}
	o := DefaultOptions()
	o.MaintainEvery = 100 * 365 * 24 * time.Hour
	c, err := New(all, all, all, all, o)
	if err != nil {
		t.Fatal(err)
	}
	c.maintained = time.Now()
	c.Start()
	<-all.began
	for range 2 {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
