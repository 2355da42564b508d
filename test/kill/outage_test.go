package kill

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/internal/testkit/s3server"
)

// TestColdStoreAway kills the object store under a taeld that goes on taking spans until its hot tier is full, and brings it back. Until then what is
// refused is refused as retryable, readiness says why, and no answer is wrong. Afterwards all is well without a restart, and nothing is lost or doubled.
func TestColdStoreAway(t *testing.T) {
	s := s3server.Start(t, s3server.Versitygw)
	o := onServer(s)
	o.Args = append(o.Args, "--memory-limit", "128MiB", "--hot-max-bytes", "4MiB")
	r := start(t, o)
	pid := r.PID()
	p := r.newProbe()
	p.mustBeTaken()
	r.sendAll(5_000)
	if err := r.flush(r.ctx); err != nil {
		t.Fatal(err)
	}
	inCold := len(r.ledgers)

	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	heavy := r.sendHeavy(80)
	ended := r.fill()
	p.mustBeRefused()
	r.await("readiness to turn red", func() error {
		switch code, said := r.readiness(); {
		case code != http.StatusServiceUnavailable:
			return fmt.Errorf("%d %s", code, said)
		case !strings.Contains(said, "flush: ") || !strings.Contains(said, "segments wait") || !strings.Contains(said, "connection refused"):
			t.Fatalf("readiness does not say why: %s", said)
		}
		return nil
	})
	p.mustBeRefused()
	for i, l := range r.ledgers {
		r.honest(l, i >= inCold)
	}
	r.newest()
	r.checkHeavy(heavy)

	if err := s.Restart(r.ctx); err != nil {
		t.Fatal(err)
	}
	r.await("readiness to turn green", func() error {
		if code, said := r.readiness(); code != http.StatusOK {
			return fmt.Errorf("%d %s", code, said)
		}
		return nil
	})
	if err := <-ended; err != nil {
		t.Fatalf("the client, which retries, gave up: %v", err)
	}
	p.mustBeTaken()
	r.await("the flush to catch up", func() error {
		if n := r.metric("tael_flush_waiting_segments"); n > 0 {
			return fmt.Errorf("%v segments wait", n)
		}
		return nil
	})
	if r.metric("tael_flush_failing_seconds") != 0 || r.PID() != pid {
		t.Fatalf("flushes are said to fail, or process %d is not %d", r.PID(), pid)
	}
	r.sample(r.ledgers...)
	r.checkAll()
	r.checkCounts()
	r.checkHeavy(heavy)
	if stats := r.statsOf(heavyTenant); stats.Cold.Spans != int64(len(heavy)) || stats.Hot.Spans != 0 {
		t.Fatalf("of %d large spans there are %+v", len(heavy), stats)
	}
}

// fill sends loads until one is refused, and leaves that one to its client, which tries again; ended gives its outcome.
func (r *rig) fill() (ended <-chan error) {
	r.t.Helper()
	for {
		_, ended = r.send(20_000)
		for going := true; going; {
			if r.metric(`tael_hot_refusals_total{reason="segments"}`)+r.metric(`tael_hot_refusals_total{reason="hot_bytes"}`) > 0 {
				return ended
			}
			select {
			case err := <-ended:
				if err != nil {
					r.t.Fatal(err)
				}
				going = false
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
}

// await polls until there is no error.
func (r *rig) await(what string, try func() error) {
	r.t.Helper()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-r.ctx.Done():
			r.t.Fatalf("waiting for %s: %v", what, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// get gives the status and body of an answer, whatever they are.
func (r *rig) get(path, tenant string) (int, []byte) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.ctx, http.MethodGet, r.REST+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("X-Scope-OrgID", tenant)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, body
}

func (r *rig) readiness() (code int, said string) {
	r.t.Helper()
	code, body := r.get("/readyz", tael.DefaultTenant)
	return code, string(body)
}

// metric is 0 for a counter that has not counted yet.
func (r *rig) metric(name string) float64 {
	r.t.Helper()
	_, body := r.get("/metrics", tael.DefaultTenant)
	for line := range strings.Lines(string(body)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				r.t.Fatal(err)
			}
			return v
		}
	}
	return 0
}
