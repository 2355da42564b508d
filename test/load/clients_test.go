//go:build load

package load

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/taeldb/tael/bench/loadgen"
)

// senders are the clients that write. They share nothing but the account of what was acknowledged.
type senders struct {
	until time.Time

	mu       sync.Mutex
	ledgers  []*loadgen.Ledger
	refusals map[string]int
}

// send sends load after load, and ends with a whole one.
func (s *senders) send(ctx context.Context, protocol, endpoint string, client int) error {
	o := loadgen.DefaultOptions()
	o.Protocol, o.Endpoint, o.Connections = protocol, endpoint, connections
	o.Timeout, o.MaxElapsed = time.Minute, 10*time.Minute
	for n := 0; time.Now().Before(s.until); n++ {
		ledger, err := newLoad(uint64(client)<<32 | uint64(n))
		if err != nil {
			return err
		}
		s.mu.Lock()
		s.ledgers = append(s.ledgers, ledger)
		s.mu.Unlock()
		report, err := loadgen.Run(ctx, o, loadgen.Stream(ledger.Generator(), false), ledger)
		s.mu.Lock()
		for code, times := range report.Refusals {
			s.refusals[code] += times
		}
		s.mu.Unlock()
		if err != nil {
			return fmt.Errorf("client %d over %s lost a request: %w", client, protocol, err)
		}
		if ledger.Spans() != loadSpans {
			return fmt.Errorf("client %d over %s: %d spans are acknowledged, want %d; %d rejected: %s", client, protocol, ledger.Spans(), loadSpans, report.Rejected, report.RejectedReason)
		}
	}
	return nil
}

func (s *senders) all() []*loadgen.Ledger {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ledgers)
}

// spans is the number of spans acknowledged so far.
func (s *senders) spans() int {
	n := 0
	for _, l := range s.all() {
		n += l.Spans()
	}
	return n
}

// asker asks one question after the other while the load is on.
type asker struct {
	url     string
	senders *senders
	times   loadgen.Latencies
}

// ask takes turns between what was acknowledged a moment ago, by id, and searches. Every answer must come and be whole.
func (a *asker) ask(ctx context.Context) error {
	rng := rand.New(rand.NewPCG(1, 1))
	services := []string{"agent-runtime", "planner", "orders-api", "guardrails"}
	for n := 0; ctx.Err() == nil; n++ {
		path := "/api/v1/spans?limit=20&service=" + services[rng.IntN(len(services))]
		want := 20
		switch n % 3 {
		case 0:
			ledgers := a.senders.all()
			if len(ledgers) == 0 {
				continue
			}
			l := ledgers[rng.IntN(len(ledgers))]
			recent := l.Recent(10)
			recent = slices.DeleteFunc(recent, func(trace int) bool { return !l.Complete(trace) })
			if len(recent) == 0 {
				continue
			}
			path = fmt.Sprintf("/api/v1/traces/%x", l.Generator().TraceID(recent[0]))
			want = l.Generator().TraceSpans(recent[0])
		case 1:
			path += "&status=error"
			want = 0
		}
		enough := a.senders.spans() > loadSpans // a search at the very beginning finds less
		begin := time.Now()
		var answer struct {
			Partial bool
			Spans   []json.RawMessage
		}
		if err := getJSON(ctx, a.url+path, &answer); err != nil && ctx.Err() == nil {
			return err
		}
		if ctx.Err() != nil {
			break // the load has ended
		}
		a.times = append(a.times, time.Since(begin))
		if answer.Partial || n%3 == 0 && len(answer.Spans) != want || enough && len(answer.Spans) < want {
			return fmt.Errorf("%s: %d spans (partial %t), want %d", path, len(answer.Spans), answer.Partial, want)
		}
	}
	return nil //nolint:nilerr // an error after the end of the load is that end
}

// memoryWatch keeps the most that a process held, in bytes.
type memoryWatch struct{ anonymous, resident int64 }

func (m *memoryWatch) watch(ctx context.Context, pid int) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := m.look(pid); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (m *memoryWatch) look(pid int) error {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return fmt.Errorf("the memory of taeld: %w", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		most := map[string]*int64{"RssAnon": &m.anonymous, "VmRSS": &m.resident}[name]
		if most == nil {
			continue
		}
		kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			return fmt.Errorf("the memory of taeld: %s: %w", lines.Text(), err)
		}
		*most = max(*most, kib<<10)
	}
	return lines.Err()
}

// patient waits for an answer as long as a query may take.
var patient = &http.Client{Timeout: 10 * time.Minute}

func get(ctx context.Context, method, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := patient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s: %s", url, resp.Status, body[:min(len(body), 300)])
	}
	return body, nil
}

func getJSON(ctx context.Context, url string, into any) error {
	body, err := get(ctx, http.MethodGet, url)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}
