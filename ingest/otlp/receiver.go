// Package otlp is the OTLP door in: traces over gRPC (TraceService/Export) and over HTTP (POST /v1/traces, protobuf and JSON, gzip and
// zstd). It reads the request's bytes, cuts them into fragments without building an object per span, hands those to
// an Appender, and acknowledges when the Appender says that they are durable.
package otlp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/access"
	"github.com/taeldb/tael/fragment"
)

// Appender makes a batch durable. When Append returns nil, every span of the batch survives a crash of the process and of the machine and is
// in the next answer. The batch is the caller's again when it returns. It is safe for concurrent use. Errors are of tael's classes.
type Appender interface {
	Append(ctx context.Context, b *fragment.Batch) error
}

// Authorizer tells the tenant of a request, see access.Tokens.Authorize.
type Authorizer interface {
	Authorize(authorization, named string, need access.Role) (tenant string, err error)
}

var _ Authorizer = (*access.Tokens)(nil)

// Options of a Receiver. See DefaultOptions.
type Options struct {
	// MaxBodyBytes bounds one request, in bytes after decompression.
	MaxBodyBytes int64
	// MaxInflightBytes bounds the bytes of all requests that are being taken, after decompression and with what is cut from them; over it a request is refused as
	// retryable.
	MaxInflightBytes int64
	// ReadTimeout bounds how long a client may take to send a body, so that one that trickles does not hold memory.
	ReadTimeout time.Duration
	// RetryAfter is the hint given with a retryable refusal.
	RetryAfter time.Duration
	Limits     fragment.Limits

	Now      func() time.Time
	Logger   *slog.Logger
	Register prometheus.Registerer // nil: not exported
}

// DefaultOptions are the documented defaults: 64 MiB bodies, 128 MiB in flight, 30 s to send a body.
func DefaultOptions() Options {
	return Options{
		MaxBodyBytes:     64 << 20,
		MaxInflightBytes: 128 << 20,
		ReadTimeout:      30 * time.Second,
		RetryAfter:       time.Second,
		Limits:           fragment.DefaultLimits(),
		Now:              time.Now,
		Logger:           slog.New(slog.DiscardHandler),
	}
}

// Validate lists every problem.
func (o Options) Validate() error {
	var problems []error
	bad := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("%w: "+format, append([]any{tael.ErrInvalid}, args...)...))
	}
	if o.MaxBodyBytes < 1 || o.MaxBodyBytes > 1<<30 {
		bad("otlp body limit %d: want 1 byte to 1 GiB", o.MaxBodyBytes)
	}
	if o.MaxInflightBytes <= o.MaxBodyBytes { // one more byte is paid for, to see that a body ends
		bad("otlp in-flight limit %d: want more than the body limit, %d", o.MaxInflightBytes, o.MaxBodyBytes)
	}
	if o.ReadTimeout <= 0 {
		bad("otlp read timeout %v: want more than 0", o.ReadTimeout)
	}
	if o.RetryAfter <= 0 {
		bad("otlp retry hint %v: want more than 0", o.RetryAfter)
	}
	if o.Now == nil || o.Logger == nil {
		bad("otlp receiver: a clock and a logger are needed")
	}
	problems = append(problems, o.Limits.Validate())
	return errors.Join(problems...)
}

// Receiver takes OTLP requests. Its HTTP and gRPC sides share limits and counters. It is safe for concurrent use.
type Receiver struct {
	o        Options
	store    Appender
	access   Authorizer
	inflight *semaphore.Weighted // bytes
	buffers  sync.Pool           // *buffer
	cutters  sync.Pool           // *fragment.Cutter
	gzips    sync.Pool           // *gzip.Reader
	zstds    sync.Pool           // *zstd.Decoder
	metrics  *metrics
	warnings rate.Sometimes
}

// New makes a Receiver in front of store.
func New(store Appender, auth Authorizer, o Options) (*Receiver, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	r := &Receiver{o: o, store: store, access: auth, inflight: semaphore.NewWeighted(o.MaxInflightBytes), metrics: newMetrics(o.Register),
		warnings: rate.Sometimes{First: 1, Interval: 10 * time.Second}}
	r.buffers.New = func() any { return new(buffer) }
	r.cutters.New = func() any { return fragment.NewCutter(o.Limits) }
	return r, nil
}

// errFull refuses a request because too many bytes are in flight.
var errFull = fmt.Errorf("%w: too many bytes of requests are being taken", tael.ErrOverloaded)

// take cuts one request and makes it durable. body is borrowed, and holds so many bytes of the in-flight limit. One request that meets a fault of ours must
// not end those of everybody, as a panic in a gRPC handler would.
func (r *Receiver) take(ctx context.Context, tenant string, body []byte, held int64) (rejected fragment.Rejected, err error) {
	cutter := r.cutters.Get().(*fragment.Cutter)
	defer func() {
		if p := recover(); p != nil {
			r.o.Logger.Error("an export request panicked", "panic", p, "stack", string(debug.Stack()))
			err = errors.New("export request: internal fault, see the log")
			return // the cutter may be in any state, or in use
		}
		r.cutters.Put(cutter)
	}()
	// What is cut from a body, with its terms, is about half as large again as the body. Large bodies, which are few, pay for less of it: one that needs all
	// there is would never be taken beside others.
	fragments := min(int64(len(body))*3/2, max(0, r.o.MaxInflightBytes/2-held))
	if !r.inflight.TryAcquire(fragments) {
		return rejected, errFull
	}
	defer r.inflight.Release(fragments)
	batch, rejected, err := cutter.Cut(tenant, body, r.o.Now())
	if err != nil {
		return rejected, fmt.Errorf("export request: %w", err)
	}
	if len(batch.Fragments) > 0 {
		if err := r.store.Append(ctx, batch); err != nil {
			return rejected, fmt.Errorf("export request: %w", err)
		}
	}
	r.metrics.taken(batch.Spans, len(body), rejected.Spans)
	return rejected, nil
}
