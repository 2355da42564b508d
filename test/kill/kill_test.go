package kill

import (
	"testing"
	"time"

	"github.com/taeldb/tael/internal/testkit/daemon"
	"github.com/taeldb/tael/internal/testkit/s3server"
)

type place struct {
	name   string
	rounds int
	on     func(*testing.T) daemon.Options
}

func places() []place {
	return []place{
		{"folder", 3, onFolder},
		{"versitygw", 2, onS3(s3server.Versitygw)},
		{"minio", 1, onS3(s3server.MinIO)},
	}
}

// TestDuringWrites kills while a client sends, at a random share of its load. Segments are small, so that some are sealed, flushed and
// removed at the same time.
func TestDuringWrites(t *testing.T) {
	const spans = 12_000
	for _, p := range places() {
		t.Run(p.name, func(t *testing.T) {
			o := p.on(t)
			o.Args = append(o.Args, "--hot-max-bytes", "2MiB", "--flush-share", "1")
			r := start(t, o)
			for range p.rounds {
				ledger, ended := r.send(spans)
				at := spans/10 + r.rng.IntN(spans*7/10)
				for ledger.Spans() < at {
					select {
					case err := <-ended:
						t.Fatalf("the load ended before the kill: %v", err)
					case <-time.After(time.Millisecond):
					}
				}
				r.kill()
				if err := <-ended; err != nil {
					t.Fatalf("the client, which retries, gave up: %v", err)
				}
				if ledger.Spans() != spans {
					t.Fatalf("%d spans are acknowledged, want %d", ledger.Spans(), spans)
				}
				r.sample(ledger)
			}
			r.checkAll()
			r.checkCounts()
		})
	}
}

// TestDuringFlush kills at random moments of a flush, over its whole length.
func TestDuringFlush(t *testing.T) {
	const spans = 5_000
	for _, p := range places() {
		t.Run(p.name, func(t *testing.T) {
			r := start(t, p.on(t))
			r.sendAll(spans)
			begin := time.Now()
			if err := r.flush(r.ctx); err != nil {
				t.Fatal(err)
			}
			length := time.Since(begin)
			for round := range p.rounds + 1 {
				r.sendAll(spans)
				ended := make(chan error, 1)
				go func() { ended <- r.flush(r.ctx) }()
				// Stratified, so that a few rounds cover the beginning, the middle and the end.
				part := (float64(round) + r.rng.Float64()) / float64(p.rounds+1)
				select {
				case err := <-ended: // it was quicker this time
					if err != nil {
						t.Fatal(err)
					}
				case <-time.After(time.Duration(part * float64(length))):
				}
				r.kill()
				r.sample(r.ledgers[round], r.ledgers[round+1])
			}
			r.checkAll()
			r.checkCounts()
		})
	}
}
