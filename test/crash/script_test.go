package crash

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine"
	"github.com/taeldb/tael/engine/cold/objstore"
	"github.com/taeldb/tael/internal/testkit/child"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

func TestMain(m *testing.M) {
	if child.Part() != "" {
		if err := victim(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// place is where a store's data is, told to the child as JSON.
type place struct {
	Dir     string
	ColdURL string // "" is a folder below Dir
	S3      objstore.S3Options
	Seed    uint64 // of the script
	Heavy   bool   // the script has requests whose files go to a bucket in parts
	From    int    // the first request that is not acknowledged
	Lives   int    // processes that have worked here before
}

func (p place) coldURL() string {
	if p.ColdURL == "" {
		return "file://" + p.Dir + "/cold"
	}
	return p.ColdURL
}

// ahead is how far the clock is at the start, which is later than that of any process before.
func (p place) ahead() time.Duration { return time.Duration(p.Lives) * 80 * time.Hour }

// clock goes on from now, and jumps, so that what waits for hours is due.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time       { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) jump(d time.Duration) { c.ahead.Add(int64(d)) }

func (p place) options(c *clock) engine.Options {
	o := engine.DefaultOptions()
	o.DataDir, o.ColdURL, o.S3 = p.Dir, p.ColdURL, p.S3
	o.MemoryLimit, o.HotMaxBytes, o.MinFreeDisk = 128<<20, 2<<20, 0
	if p.Heavy {
		o.MemoryLimit, o.HotMaxBytes = 512<<20, 40<<20
	}
	o.Retention = c.now().Sub(storetest.Base) + 100*24*time.Hour
	o.HotMaxAge = 1000 * time.Hour
	o.Now = c.now
	return o
}

// request is what one append of the script sends.
type request struct {
	tenant string
	spans  []tael.Span
}

const rounds = 15

// doomed is a tenant whose spans are so old that their days are dropped.
const doomed = "doomed"

func tenants() []string { return []string{tael.DefaultTenant, "other"} }

// script makes the requests, the same for parent and child: new spans, some sent again, some changed, some to be dropped soon.
func script(p place) []request {
	rng := storetest.NewRand(p.Seed)
	gens := []*storetest.Generator{storetest.NewGenerator(rng), storetest.NewGenerator(rng)}
	old := storetest.NewGenerator(rng)
	sent := make([][]tael.Span, 2)
	out := make([]request, rounds)
	for i := range out {
		if i == 4 || i == 10 || i == 13 {
			out[i].tenant = doomed
			for range 5 {
				s := old.Span()
				length := s.End - s.Start
				s.Start = uint64(storetest.Base.Add(-time.Duration(300*24+rng.IntN(40)) * time.Hour).UnixNano())
				s.End = s.Start + length%uint64(time.Hour)
				out[i].spans = append(out[i].spans, s)
			}
			continue
		}
		who := i % 2
		r := request{tenant: tenants()[who]}
		in := map[tael.Identity]bool{}
		for range min(6, len(sent[who])) {
			s := &sent[who][rng.IntN(len(sent[who]))]
			if in[s.Identity()] {
				continue
			}
			in[s.Identity()] = true
			if rng.IntN(2) == 0 {
				gens[who].Fill(s)
				s.Kind = tael.SpanKindInternal
				s.End += uint64(rng.IntN(2)) * uint64(time.Second)
			}
			r.spans = append(r.spans, *s)
		}
		for range 8 {
			s := gens[who].Span()
			s.Kind = tael.SpanKindInternal // which is part of a span's identity, and must not change with the rest
			r.spans = append(r.spans, s)
			sent[who] = append(sent[who], s)
		}
		if p.Heavy && (i == 2 || i == 7) {
			r.spans = append(r.spans, heavy(rng)...)
		}
		out[i] = r
	}
	return out
}

// heavy makes spans of one day with more text than a part of an upload holds, compressed.
func heavy(rng *rand.Rand) []tael.Span {
	spans := make([]tael.Span, 20)
	text := make([]byte, 384<<10)
	for i := range spans {
		for at := 0; at < len(text); at += 8 {
			binary.LittleEndian.PutUint64(text[at:], rng.Uint64())
		}
		s := tael.Span{Name: "heavy", Kind: tael.SpanKindInternal, Resource: &tael.Resource{}, Scope: &tael.Scope{}}
		s.Start = uint64(storetest.Base.UnixNano()) + uint64(i)
		s.End = s.Start + 1
		copy(s.TraceID[:], text)
		copy(s.SpanID[:], text)
		s.Attributes = []tael.KeyValue{{Key: "text", Value: tael.String(base64.StdEncoding.EncodeToString(text))}}
		spans[i] = s
	}
	return spans
}

// victim plays the script on an engine and tells the parent what it begins and what was acknowledged, until its step comes.
func victim() error {
	var p place
	if err := json.Unmarshal([]byte(os.Getenv("TAEL_CRASH_PLACE")), &p); err != nil {
		return err
	}
	arrival, err := strconv.Atoi(os.Getenv("TAEL_CRASH_ARRIVAL"))
	if err != nil {
		return err
	}
	step := os.Getenv("TAEL_CRASH_STEP")
	ctx := context.Background()
	if err := litter(ctx, p); err != nil {
		return err
	}
	var c clock
	c.jump(p.ahead())
	o := p.options(&c)
	var arrivals atomic.Int64
	o.Hook = func(name string) {
		if name == step && arrivals.Add(1) == int64(arrival) {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // the signal is on its way
		}
	}
	e, err := engine.Open(ctx, o)
	if err != nil {
		return err
	}
	var flushes sync.WaitGroup
	var failed atomic.Pointer[error]
	h := &appender{e}
	for i, r := range script(p) {
		if i < p.From {
			continue
		}
		say("begin %d", i)
		if err := storetest.Append(ctx, h, r.tenant, r.spans); err != nil {
			return err
		}
		say("ack %d", i)
		if i%3 != 2 {
			continue
		}
		// The next appends come while this runs.
		flushes.Wait()
		jump := i == 5 || i == 11
		if jump {
			c.jump(25 * time.Hour)
		}
		flushes.Go(func() {
			_, err := e.Flush(ctx)
			if jump {
				err = errors.Join(err, e.Maintain(ctx))
			}
			if err != nil {
				failed.Store(&err)
			}
		})
	}
	flushes.Wait()
	if p := failed.Load(); p != nil {
		return *p
	}
	c.jump(25 * time.Hour)
	_, err = e.Flush(ctx)
	if err := errors.Join(err, e.Maintain(ctx), e.Close()); err != nil {
		return err
	}
	say("end %d", arrivals.Load())
	return nil
}

func say(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// litter leaves files that look as if a flush had died, for the clean-up to find.
func litter(ctx context.Context, p place) error {
	store, err := objstore.Open(ctx, p.coldURL(), p.S3)
	if err != nil {
		return err
	}
	for i := range 3 {
		key := fmt.Sprintf("tael/spans/data/default/2026-06-01/00000000-0000-0000-0000-000000000000-0-%d-litter.parquet", i)
		if _, err := store.Put(ctx, key, strings.NewReader("not a file of anybody")); err != nil {
			return errors.Join(err, store.Close())
		}
	}
	return store.Close()
}

// appender is an engine as storetest.Append takes it.
type appender struct{ *engine.Engine }

func (a *appender) Flush(ctx context.Context) error {
	_, err := a.Engine.Flush(ctx)
	return err
}

func (a *appender) Restart(context.Context) error { return errors.ErrUnsupported }
