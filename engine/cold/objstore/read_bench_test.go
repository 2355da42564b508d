package objstore_test

import (
	"bytes"
	"testing"

	"github.com/taeldb/tael/engine/cold/objstore"
	"github.com/taeldb/tael/internal/testkit/s3server"
)

// BenchmarkGetRange reads 64 KiB, about what a point read takes from a row group, out of an object of 16 MiB.
func BenchmarkGetRange(b *testing.B) {
	run := func(b *testing.B, store objstore.Store) {
		if _, err := store.Put(b.Context(), "a", bytes.NewReader(make([]byte, 16<<20))); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(64 << 10)
		for i := 0; b.Loop(); i++ {
			if _, err := store.GetRange(b.Context(), "a", int64(i%200)*(64<<10), 64<<10); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("folder", func(b *testing.B) { run(b, open(b, "file://"+b.TempDir(), objstore.S3Options{})) })
	b.Run("folder, file opened each time", func(b *testing.B) {
		run(b, open(b, "file://"+b.TempDir(), objstore.S3Options{}, objstore.WithOpenFiles(0)))
	})
	for _, kind := range []s3server.Kind{s3server.Versitygw, s3server.MinIO} {
		b.Run(string(kind), func(b *testing.B) {
			server := s3server.Start(b, kind)
			run(b, open(b, server.URL(""), server.Options()))
		})
	}
}
