package engine

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

// ledger knows what a reader must see, and what it may see, at any moment: the newest end of every span.
type ledger struct {
	mu           sync.Mutex
	acked, begun map[tael.Identity]uint64
}

func (l *ledger) note(in *map[tael.Identity]uint64, spans []tael.Span) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if *in == nil {
		*in = map[tael.Identity]uint64{}
	}
	for i := range spans {
		id := spans[i].Identity()
		(*in)[id] = max((*in)[id], spans[i].End)
	}
}

func (l *ledger) copy(of *map[tael.Identity]uint64) map[tael.Identity]uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(*of)
}

// check compares what a reader saw with what it had to see when it began and could have seen when it ended.
func (l *ledger) check(before map[tael.Identity]uint64, seen []tael.Span) error {
	after := l.copy(&l.begun)
	once := map[tael.Identity]bool{}
	for i := range seen {
		id := seen[i].Identity()
		if once[id] {
			return fmt.Errorf("span %v is there twice, of %d", id, len(seen))
		}
		once[id] = true
		if seen[i].End < before[id] || seen[i].End > after[id] {
			return fmt.Errorf("span %v ends at %d, want %d to %d", id, seen[i].End, before[id], after[id])
		}
	}
	for id := range before {
		if !once[id] {
			return fmt.Errorf("span %v is not there: %d seen, %d were acknowledged before", id, len(seen), len(before))
		}
	}
	return nil
}

// Each row is seen exactly once, and in a version that is not older than acknowledged, by readers that never pause while segments are
// sealed, flushed, swapped and removed, and counts never dip or double.
func TestReadersDuringFlushes(t *testing.T) {
	o := smallOptions(t)
	o.ColdPoll = time.Millisecond // the poll must not show a commit before its swap
	e := newHarness(t, o)
	const plain, changed = "plain", "changed"
	books := map[string]*ledger{plain: {}, changed: {}}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var reads atomic.Int64
	reader := func(name string, read func() error) {
		wg.Go(func() {
			for ctx.Err() == nil {
				if err := read(); err != nil {
					t.Errorf("%s: %v", name, err)
					cancel()
				}
				reads.Add(1)
			}
		})
	}
	for _, tenant := range []string{plain, changed} {
		book := books[tenant]
		reader("spans of "+tenant, func() error {
			before := book.copy(&book.acked)
			seen, err := allSpans(e, tenant, 500)
			if err != nil {
				return err
			}
			return book.check(before, seen)
		})
		reader("trace of "+tenant, func() error {
			var one tael.TraceID
			before := book.copy(&book.acked)
			for id := range before {
				one = id.TraceID
				break
			}
			maps.DeleteFunc(before, func(id tael.Identity, _ uint64) bool { return id.TraceID != one })
			if len(before) == 0 {
				return nil
			}
			tr, err := e.Trace(context.Background(), tenant, one, tael.TraceOptions{})
			if err != nil {
				return err
			}
			return book.check(before, tr.Spans)
		})
	}
	reader("counts", func() error {
		before := len(books[plain].copy(&books[plain].acked))
		s, err := e.Stats(context.Background(), plain)
		if err != nil {
			return err
		}
		if after := len(books[plain].copy(&books[plain].begun)); s.Spans < int64(before) || s.Spans > int64(after) || s.HotSpans+s.ColdSpans != s.Spans {
			return fmt.Errorf("counted %+v, want %d to %d spans", s, before, after)
		}
		return nil
	})
	write(t, ctx, e, books, plain, changed)
	// A reader that has just begun shall see the end.
	for n := reads.Load(); reads.Load() < n+20 && ctx.Err() == nil; {
		time.Sleep(time.Millisecond)
	}
	cancel()
	wg.Wait()
	for tenant, book := range books {
		seen, err := allSpans(e, tenant, tael.MaxLimit)
		if err == nil {
			err = book.check(book.copy(&book.acked), seen)
		}
		if err != nil {
			t.Errorf("at the end, tenant %s: %v", tenant, err)
		}
	}
	t.Logf("%d reads", reads.Load())
}

// write appends and flushes in turns. Every other request of one tenant changes spans that were sent before.
func write(t *testing.T, ctx context.Context, e *harness, books map[string]*ledger, plain, changed string) {
	t.Helper()
	rng := storetest.NewRand(7)
	gens := map[string]*storetest.Generator{plain: storetest.NewGenerator(rng), changed: storetest.NewGenerator(rng)}
	var sent []tael.Span
	for round := 0; round < 25 && ctx.Err() == nil; round++ {
		for tenant, gen := range gens {
			var spans []tael.Span
			for range 20 {
				spans = append(spans, gen.Span())
			}
			if tenant == changed {
				for i := range sent {
					if rng.IntN(4) == 0 {
						sent[i].End += uint64(time.Second)
						spans = append(spans, sent[i])
					}
				}
				sent = append(sent, spans[:20]...)
			}
			book := books[tenant]
			book.note(&book.begun, spans)
			if err := storetest.Append(ctx, e, tenant, spans); err != nil {
				if ctx.Err() == nil {
					t.Error(err)
				}
				return
			}
			book.note(&book.acked, spans)
		}
		if err := e.Flush(ctx); err != nil && ctx.Err() == nil {
			t.Error(err)
			return
		}
	}
}

// allSpans reads every page of the list of all spans.
func allSpans(e *harness, tenant string, limit int) ([]tael.Span, error) {
	var all []tael.Span
	q := tael.SpanQuery{Limit: limit}
	for {
		page, err := e.Spans(context.Background(), tenant, q)
		if err != nil {
			return nil, err
		}
		if page.Partial {
			return nil, fmt.Errorf("partial: %q", page.Missing)
		}
		all = append(all, page.Spans...)
		if q.Cursor = page.NextCursor; q.Cursor == "" {
			return all, nil
		}
	}
}
