package loadgen

import (
	"context"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// VerifyOptions say where and how to ask for what was acknowledged.
type VerifyOptions struct {
	// URL is the base of the REST API, such as http://127.0.0.1:7701.
	URL           string
	Tenant, Token string
	TLS           *tls.Config
	// Connections is how many traces are asked for at once.
	Connections int
	// Sample is how many traces are asked for, chosen by Seed; 0 is all.
	Sample int
	Seed   uint64
	// Timeout is for one trace.
	Timeout time.Duration
}

// DefaultVerifyOptions ask a taeld on this machine for every trace, four at a time.
func DefaultVerifyOptions() VerifyOptions {
	return VerifyOptions{URL: "http://127.0.0.1:7701", Connections: 4, Seed: 1, Timeout: 30 * time.Second}
}

// Validate lists every problem of the options.
func (o VerifyOptions) Validate() error {
	var errs []error
	if !strings.HasPrefix(o.URL, "http://") && !strings.HasPrefix(o.URL, "https://") {
		errs = append(errs, fmt.Errorf("url is %q, want one such as http://127.0.0.1:7701", o.URL))
	}
	if o.Connections < 1 {
		errs = append(errs, fmt.Errorf("connections is %d, want 1 or more", o.Connections))
	}
	if o.Sample < 0 {
		errs = append(errs, fmt.Errorf("sample is %d traces, want 0 or more", o.Sample))
	}
	if o.Timeout <= 0 {
		errs = append(errs, fmt.Errorf("timeout is %s, want more than 0", o.Timeout))
	}
	return errors.Join(errs...)
}

// maxExamples bounds how many findings are told in words.
const maxExamples = 10

// VerifyReport is what asking showed. Spans that were sent but not acknowledged may be there or not.
type VerifyReport struct {
	Traces   int // asked for
	Complete int // all acknowledged spans there exactly once, and nothing that was never sent
	Spans    int // acknowledged spans asked for
	Missing  int // acknowledged spans that are not there
	Doubled  int // spans that are there more than once
	Foreign  int // spans in a trace that were never sent
	Partial  int // answers that said they could not see everything
	Examples []string
	Latency  Latencies // of each answer
}

// Err is nil if every trace is complete, and else says what is wrong.
func (r VerifyReport) Err() error {
	if r.Complete == r.Traces {
		return nil
	}
	return fmt.Errorf("%d of %d traces are not as acknowledged: %d spans missing, %d doubled, %d foreign, %d partial answers; %s",
		r.Traces-r.Complete, r.Traces, r.Missing, r.Doubled, r.Foreign, r.Partial, strings.Join(r.Examples, "; "))
}

// Verify asks for traces by id and holds the span ids against the ledger. Without a list of traces it
// asks for those that the ledger has, all or a sample. An error means that it could not ask; what it found
// is in the report, see VerifyReport.Err.
func Verify(ctx context.Context, o VerifyOptions, ledger *Ledger, traces ...int) (VerifyReport, error) {
	if err := o.Validate(); err != nil {
		return VerifyReport{}, fmt.Errorf("verify options: %w", err)
	}
	if len(traces) == 0 {
		traces = ledger.Traces()
	}
	if o.Sample > 0 && o.Sample < len(traces) {
		traces = slices.Clone(traces)
		r := rand.New(rand.NewPCG(o.Seed, 0))
		r.Shuffle(len(traces), func(a, b int) { traces[a], traces[b] = traces[b], traces[a] })
		traces = traces[:o.Sample]
	}
	v := &verifier{o: o, ledger: ledger, client: &http.Client{Transport: newTransport(&Options{Connections: o.Connections, TLS: o.TLS})}}
	defer v.client.CloseIdleConnections()
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(o.Connections)
	for _, trace := range traces {
		group.Go(func() error {
			if err := groupCtx.Err(); err != nil {
				return err
			}
			return v.trace(groupCtx, trace)
		})
	}
	err := group.Wait()
	return v.report, err
}

type verifier struct {
	o      VerifyOptions
	ledger *Ledger
	client *http.Client

	mu     sync.Mutex
	report VerifyReport
}

// traceAnswer is what is used of the answer of GET /api/v1/traces/{id}.
type traceAnswer struct {
	Partial bool `json:"partial"`
	Spans   []struct {
		SpanID string `json:"span_id"`
	} `json:"spans"`
}

func (v *verifier) trace(ctx context.Context, trace int) error {
	ctx, cancel := context.WithTimeout(ctx, v.o.Timeout)
	defer cancel()
	begin := time.Now()
	got, err := v.get(ctx, trace)
	if err != nil {
		return err
	}
	took := time.Since(begin)
	counts := make(map[string]int, len(got.Spans))
	for _, s := range got.Spans {
		counts[s.SpanID]++
	}
	var f VerifyReport // what this trace adds
	g, acked := v.ledger.gen, v.ledger.Acked(trace)
	for j := range g.TraceSpans(trace) {
		id := g.SpanID(trace, j)
		key := hex.EncodeToString(id[:])
		n := counts[key]
		delete(counts, key)
		if acked>>j&1 == 1 {
			f.Spans++
			if n == 0 {
				f.Missing++
			}
		}
		if n > 1 {
			f.Doubled++
		}
	}
	f.Foreign = len(counts)
	if got.Partial {
		f.Partial = 1
	}
	v.add(trace, f, took)
	return nil
}

func (v *verifier) add(trace int, f VerifyReport, took time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	r := &v.report
	r.Traces++
	r.Spans += f.Spans
	r.Missing += f.Missing
	r.Doubled += f.Doubled
	r.Foreign += f.Foreign
	r.Partial += f.Partial
	r.Latency = append(r.Latency, took)
	if f.Missing+f.Doubled+f.Foreign+f.Partial == 0 {
		r.Complete++
	} else if len(r.Examples) < maxExamples {
		id := v.ledger.gen.TraceID(trace)
		r.Examples = append(r.Examples, fmt.Sprintf("trace %x: %d of %d acknowledged spans missing, %d doubled, %d foreign", id, f.Missing, f.Spans, f.Doubled, f.Foreign))
	}
}

// get asks for one trace, again if the server asks for that. A trace that is not there is an empty answer.
func (v *verifier) get(ctx context.Context, trace int) (traceAnswer, error) {
	id := v.ledger.gen.TraceID(trace)
	url := fmt.Sprintf("%s/api/v1/traces/%x", strings.TrimSuffix(v.o.URL, "/"), id)
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return traceAnswer{}, fmt.Errorf("ask for %s: %w", url, err)
		}
		setAccess(req.Header, v.o.Tenant, v.o.Token)
		a, wait, err := v.once(req)
		if err != nil || wait == 0 {
			return a, err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return traceAnswer{}, fmt.Errorf("ask for %s: %w", url, ctx.Err())
		}
	}
}

// once sends one request; a wait above 0 asks to send it again after that time.
func (v *verifier) once(req *http.Request) (a traceAnswer, wait time.Duration, err error) {
	resp, err := v.client.Do(req)
	if err != nil {
		return a, 0, fmt.Errorf("ask for a trace: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return a, 0, fmt.Errorf("read the answer to %s: %w", req.URL, err)
	}
	switch resp.StatusCode {
	case http.StatusOK:
		if err := json.Unmarshal(body, &a); err != nil {
			return a, 0, fmt.Errorf("decode the answer to %s: %w", req.URL, err)
		}
		return a, 0, nil
	case http.StatusNotFound:
		return a, 0, nil
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return a, max(100*time.Millisecond, retryAfter(resp.Header.Get("Retry-After"))), nil
	}
	return a, 0, fmt.Errorf("ask for %s: status %d: %s", req.URL, resp.StatusCode, body[:min(len(body), 300)])
}
