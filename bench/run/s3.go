package main

import (
	"context"
	"time"

	"github.com/taeldb/tael/bench/loadgen"
	"github.com/taeldb/tael/internal/testkit/s3server"
)

// measureS3 counts requests through a proxy, and then takes times without it.
func measureS3(ctx context.Context, b *bench) error {
	objects, err := b.folder("s3")
	if err != nil {
		return err
	}
	minio, err := s3server.Run(ctx, s3server.Options{Kind: s3server.MinIO, Dir: objects})
	if err != nil {
		return err
	}
	b.atEnd(minio.Close)
	proxy, err := s3server.NewCountingProxy(minio.Endpoint)
	if err != nil {
		return err
	}
	b.atEnd(proxy.Close)
	l, err := newLoad(1, b.spans, time.Now(), false)
	if err != nil {
		return err
	}
	counted, err := b.start(ctx, serverOptions{minio: minio, endpoint: proxy.Endpoint})
	if err != nil {
		return err
	}
	if _, err := b.send(ctx, counted, loadgen.Stream(l.gen, false), l.ledger); err != nil {
		return err
	}
	if err := counted.flush(ctx); err != nil {
		return err
	}
	if err := counted.tier(ctx, "cold"); err != nil {
		return err
	}
	// The first look-ups read the metadata: footers, indexes and filters of every file.
	if _, err := b.lookups(ctx, counted, l, 2*lookups); err != nil {
		return err
	}
	proxy.Reset()
	if _, err := b.lookups(ctx, counted, l, lookups); err != nil {
		return err
	}
	data := 0
	for _, r := range proxy.Requests() {
		if r.IsData() {
			data++
		}
	}
	b.set("trace.s3_requests", float64(data)/lookups)
	if err := counted.stop(ctx); err != nil {
		return err
	}
	direct, err := b.start(ctx, serverOptions{minio: minio, endpoint: minio.Endpoint, data: counted.data})
	if err != nil {
		return err
	}
	if _, err := b.lookups(ctx, direct, l, 2*lookups); err != nil {
		return err
	}
	profile := b.profile(ctx, direct, "trace")
	times, err := b.lookups(ctx, direct, l, lookups)
	if err != nil {
		return err
	}
	b.set("trace.s3", ms(times.Quantile(0.5)))
	b.set("trace.s3_p99", ms(times.Quantile(0.99)))
	return profile()
}
