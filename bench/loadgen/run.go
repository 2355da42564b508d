package loadgen

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"
)

// Progress is how far a run has come.
type Progress struct {
	Spans, Requests int // acknowledged
	Retries         int
	Elapsed         time.Duration
}

// Report is what a run did.
type Report struct {
	Requests  int   // acknowledged
	Spans     int   // in acknowledged requests, without those that the server rejected
	RawBytes  int64 // OTLP bytes of the acknowledged requests before compression
	WireBytes int64 // the same as handed to the protocol; gRPC compresses after that
	Rejected  int64 // spans that the server did not keep, by partial_success
	// RejectedReason is one of the reasons that the server gave for rejecting.
	RejectedReason string
	// Refusals counts the tries that were refused or lost, by the protocol's code; "lost" got no answer.
	Refusals map[string]int
	Retries  int
	Elapsed  time.Duration // from the first request to the last acknowledgement
	Latency  Latencies     // of each acknowledged try, in no order
}

// SpansPerSecond is the rate at which spans were acknowledged.
func (r Report) SpansPerSecond() float64 {
	if r.Elapsed <= 0 {
		return 0
	}
	return float64(r.Spans) / r.Elapsed.Seconds()
}

// Run sends every payload of the source and notes in the ledger what is acknowledged; the ledger may be
// nil. A request that the server asks to send again, or that gets no answer, is sent again with growing
// pauses. The first request that is refused for good or for longer than MaxElapsed ends the run with an
// error, and so does the end of ctx; the report and the ledger then hold what was acknowledged until then.
func Run(ctx context.Context, o Options, src Source, ledger *Ledger) (Report, error) {
	if err := o.Validate(); err != nil {
		return Report{}, fmt.Errorf("load options: %w", err)
	}
	var exp exporter = newHTTPExporter(&o)
	if o.Protocol == "grpc" {
		g, err := newGRPCExporter(&o)
		if err != nil {
			return Report{}, err
		}
		exp = g
	}
	r := &run{o: o, exp: exp, ledger: ledger, begin: time.Now(), report: Report{Refusals: map[string]int{}}}
	if o.Rate > 0 {
		// The bucket holds a tenth of a second, and WaitN never asks for more than it holds.
		r.limiter = rate.NewLimiter(rate.Limit(o.Rate), max(1, int(o.Rate/10)))
	}
	stop := r.progress()
	err := r.send(ctx, src)
	stop()
	return r.result(), errors.Join(err, exp.close())
}

type run struct {
	o       Options
	exp     exporter
	ledger  *Ledger
	limiter *rate.Limiter
	begin   time.Time

	mu     sync.Mutex
	report Report
}

func (r *run) send(ctx context.Context, src Source) error {
	group, ctx := errgroup.WithContext(ctx)
	payloads := make(chan Payload, r.o.Connections)
	group.Go(func() error {
		defer close(payloads)
		for p, err := range src.Payloads() {
			if err != nil {
				return err
			}
			if err := r.pace(ctx, p.Spans); err != nil {
				return err
			}
			select {
			case payloads <- p:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range r.o.Connections {
		group.Go(func() error {
			for p := range payloads {
				if err := r.deliver(ctx, p); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// pace waits until the rate allows so many spans more.
func (r *run) pace(ctx context.Context, spans int) error {
	for r.limiter != nil && spans > 0 {
		n := min(spans, r.limiter.Burst())
		if err := r.limiter.WaitN(ctx, n); err != nil {
			return fmt.Errorf("keep to %g spans a second: %w", r.o.Rate, err)
		}
		spans -= n
	}
	return nil
}

// deliver sends a payload until it is acknowledged.
func (r *run) deliver(ctx context.Context, p Payload) error {
	try := func() (answer, error) {
		tryCtx, cancel := context.WithTimeout(ctx, r.o.Timeout)
		defer cancel()
		begin := time.Now()
		a, err := r.exp.export(tryCtx, p)
		if err == nil {
			r.acked(p, a, time.Since(begin))
			return a, nil
		}
		return a, r.refused(err)
	}
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = 50*time.Millisecond, 5*time.Second
	limits := []backoff.RetryOption{backoff.WithBackOff(pauses), backoff.WithMaxElapsedTime(r.o.MaxElapsed),
		backoff.WithNotify(func(error, time.Duration) { r.count(func(rep *Report) { rep.Retries++ }) })}
	if r.o.MaxElapsed == 0 {
		limits = append(limits, backoff.WithMaxTries(1))
	}
	if _, err := backoff.Retry(ctx, try, limits...); err != nil {
		return fmt.Errorf("send %d spans to %s: %w", p.Spans, r.o.Endpoint, err)
	}
	return nil
}

func (r *run) acked(p Payload, a answer, took time.Duration) {
	// Which spans were rejected is not said, so of such a request none is taken as acknowledged.
	if r.ledger != nil && a.rejected == 0 {
		r.ledger.Ack(p.Refs)
	}
	r.count(func(rep *Report) {
		rep.Requests++
		rep.Spans += p.Spans - int(a.rejected)
		rep.RawBytes += int64(p.Raw)
		rep.WireBytes += int64(len(p.Body))
		rep.Rejected += a.rejected
		if a.rejected > 0 {
			rep.RejectedReason = a.reason
		}
		rep.Latency = append(rep.Latency, took)
		rep.Elapsed = time.Since(r.begin)
	})
}

// refused counts a failed try, and says whether and when to try again.
func (r *run) refused(err error) error {
	ref, ok := asRefusal(err)
	code := "lost"
	if ok {
		code = ref.code
	}
	r.count(func(rep *Report) { rep.Refusals[code]++ })
	switch {
	case ok && !ref.retry, !ok && !errors.Is(err, errLost):
		return backoff.Permanent(err)
	case ok && ref.after > 0:
		return fmt.Errorf("%w: %w", err, &backoff.RetryAfterError{Duration: ref.after})
	}
	return err
}

func (r *run) count(f func(*Report)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(&r.report)
}

func (r *run) result() Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.report
	out.Refusals = maps.Clone(r.report.Refusals)
	return out
}

// progress calls back until the returned function is called, which does so once more.
func (r *run) progress() (stop func()) {
	if r.o.Progress == nil {
		return func() {}
	}
	say := func() {
		r.mu.Lock()
		p := Progress{Spans: r.report.Spans, Requests: r.report.Requests, Retries: r.report.Retries, Elapsed: time.Since(r.begin)}
		r.mu.Unlock()
		r.o.Progress(p)
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(r.o.ProgressEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				say()
			case <-done:
				say()
				return
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}
