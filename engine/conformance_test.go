package engine

import (
	"testing"

	"github.com/taeldb/tael/internal/testkit/s3server"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

// An engine answers as a tael.Store must, however its data lies and wherever its cold tier is.
func TestConformance(t *testing.T) {
	for _, where := range []struct {
		name    string
		options func(t *testing.T) func(t testing.TB) Options
	}{
		{"folder", func(*testing.T) func(testing.TB) Options { return smallOptions }},
		{"versitygw", func(t *testing.T) func(testing.TB) Options { return onServer(t, s3server.Versitygw) }},
		{"minio", func(t *testing.T) func(testing.TB) Options { return onServer(t, s3server.MinIO) }},
	} {
		t.Run(where.name, func(t *testing.T) {
			options := where.options(t)
			plain := func(t *testing.T) storetest.Harness { return newHarness(t, options(t)) }
			for _, how := range []struct {
				name string
				make func(t *testing.T) storetest.Harness
			}{
				{"hot", plain},
				{"cold", func(t *testing.T) storetest.Harness { return storetest.FlushEach(1, plain(t)) }},
				{"half", func(t *testing.T) storetest.Harness { return storetest.FlushEach(2, plain(t)) }},
				{"restarted", func(t *testing.T) storetest.Harness { return &restarting{Harness: plain(t)} }},
			} {
				// What a tier answers does not depend on the store below the other one.
				if (where.name != "folder" || underRace) && how.name != "half" || underRace && where.name == "versitygw" {
					continue
				}
				t.Run(how.name, func(t *testing.T) {
					t.Parallel() // most of it waits for the disk
					storetest.Run(t, how.make)
				})
			}
		})
	}
}
