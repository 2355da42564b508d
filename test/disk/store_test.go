//go:build disk

package disk

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine"
	"github.com/taeldb/tael/internal/testkit/child"
	"github.com/taeldb/tael/internal/testkit/diskfs"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

func TestMain(m *testing.M) {
	diskfs.Main()
	if child.Part() == storePart {
		time.AfterFunc(lifetime, func() { os.Exit(3) })
		if err := serve(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

const (
	storePart = "store"
	// lifetime bounds the life of a child, whatever its disk does to it.
	lifetime = 3 * time.Minute
	tenant   = tael.DefaultTenant
)

// batch is what request n sends, always the same: new spans, and later ends of some that request n-3 sent.
func batch(n int) []tael.Span {
	spans := fresh(n)
	if n >= 3 {
		for i, s := range fresh(n - 3)[:3] {
			s.End += uint64(i+1) * uint64(time.Second)
			spans = append(spans, s)
		}
	}
	return spans
}

func fresh(n int) []tael.Span {
	return storetest.RandomSpans(storetest.NewRand(uint64(1000+n)), 10)
}

// models have the first acked requests, and the first begun ones.
func models(acked, begun int) (sure, all *storetest.Model) {
	sure, all = storetest.NewModel(), storetest.NewModel()
	for n := range begun {
		if n < acked {
			sure.Append(tenant, batch(n))
		}
		all.Append(tenant, batch(n))
	}
	return sure, all
}

// store is an engine that obeys commands.
type store struct{ e *engine.Engine }

// serve opens the store and obeys commands, a line each.
func serve() error {
	o := engine.DefaultOptions()
	o.DataDir = os.Getenv("TAEL_DISK_DIR") + "/data"
	o.MemoryLimit, o.HotMaxBytes, o.Retention = 128<<20, 2<<20, 0
	o.HotMaxAge = time.Second
	if _, err := fmt.Sscan(os.Getenv("TAEL_DISK_RESERVE"), &o.MinFreeDisk); err != nil {
		return err
	}
	o.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
	e, err := engine.Open(context.Background(), o)
	if err != nil {
		return err
	}
	say("opened")
	s := &store{e: e}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if err := s.obey(lines.Text()); err != nil {
			say("error %s", strings.ReplaceAll(err.Error(), "\n", "; "))
			continue
		}
		say("ok")
	}
	return e.Close()
}

func say(format string, args ...any) { fmt.Printf(format+"\n", args...) }

func (s *store) obey(line string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var a, b int
	word, rest, _ := strings.Cut(line, " ")
	_, _ = fmt.Sscan(rest, &a, &b) // as many as there are
	switch word {
	case "append":
		return storetest.Append(ctx, harness{s.e}, tenant, batch(a))
	case "flush":
		_, err := s.e.Flush(ctx)
		return err
	case "ready":
		return errors.Join(s.e.Ready(ctx)...)
	case "verify": // how many were acknowledged, and how many had begun
		sure, all := models(a, b)
		if a < b {
			return storetest.CheckEither(ctx, s.e, tenant, sure, all)
		}
		for sort := tael.SortTime; sort <= tael.SortDuration; sort++ {
			if err := storetest.CheckSpans(ctx, s.e, sure, tenant, tael.SpanQuery{Sort: sort, Limit: 1000}); err != nil {
				return err
			}
		}
		return nil
	case "honest": // how many were acknowledged: the answer may be an error, or partial, but not wrong
		sure, _ := models(a, a)
		page, err := s.e.Spans(ctx, tenant, tael.SpanQuery{Limit: tael.MaxLimit})
		if err != nil || page.Partial {
			return nil
		}
		if d := storetest.DiffSpans(page.Spans, sure.Spans(tenant, &tael.Filter{}, tael.SortTime)); d != "" {
			return errors.New(d)
		}
		return nil
	case "cold": // how many were acknowledged: all of it is cold
		sure, _ := models(a, a)
		st, err := s.e.Stats(ctx, tenant)
		if want := len(sure.Spans(tenant, &tael.Filter{}, tael.SortTime)); err == nil && (st.HotSpans != 0 || st.ColdSpans != int64(want)) {
			err = fmt.Errorf("stats %+v, want %d cold spans", st, want)
		}
		return err
	case "run": // from which request on, until the end
		s.run(a)
		return nil
	}
	return fmt.Errorf("unknown command %q", line)
}

// run appends one request after the other, again what fails, and flushes all the time beside it, until the process ends.
func (s *store) run(from int) {
	ctx := context.Background()
	go func() {
		for {
			if _, err := s.e.Flush(ctx); err != nil {
				fmt.Fprintln(os.Stderr, "flush:", err)
			}
			time.Sleep(5 * time.Millisecond) // for the appends
		}
	}()
	go func() {
		for n := from; ; {
			say("begin %d", n)
			if err := storetest.Append(ctx, harness{s.e}, tenant, batch(n)); err != nil {
				say("failed %d", n)
				time.Sleep(20 * time.Millisecond) // as a client does before it tries again
				continue
			}
			say("ack %d", n)
			n++
		}
	}()
}

// harness is an engine as storetest.Append takes it.
type harness struct{ *engine.Engine }

func (h harness) Flush(ctx context.Context) error {
	_, err := h.Engine.Flush(ctx)
	return err
}

func (h harness) Restart(context.Context) error { return errors.ErrUnsupported }
