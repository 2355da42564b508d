package engine

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/taeldb/tael/internal/testkit/s3server"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

// Random histories of two tenants, against the model: requests with new, late, re-sent and changed spans, flushes, restarts, and every
// filter, order and cursor in between. TAEL_TEST_LONG=1 plays new ones for an hour, TAEL_TEST_LONG=5h for five.
func TestRandomHistories(t *testing.T) {
	folder := func(t *testing.T) storetest.Harness { return newHarness(t, smallOptions(t)) }
	until, long := longUntil()
	if !long {
		for _, seed := range []uint64{101, 102, 103} {
			storetest.Random(t, folder, seed, 150)
		}
		return
	}
	options := onServer(t, s3server.Versitygw)
	server := func(t *testing.T) storetest.Harness { return newHarness(t, options(t)) }
	for n := 0; time.Now().Before(until) && !t.Failed(); n++ {
		seed := rand.Uint64()
		make := folder
		if n%4 == 3 {
			make = server
		}
		t.Run("history", func(t *testing.T) {
			t.Logf("seed %d", seed)
			storetest.Random(t, make, seed, 50+int(seed%500))
		})
	}
}

// longUntil tells how long a test that can go on for hours is to do so, see TAEL_TEST_LONG.
func longUntil() (until time.Time, long bool) {
	v := os.Getenv("TAEL_TEST_LONG")
	if d, err := time.ParseDuration(v); err == nil && d > 0 {
		return time.Now().Add(d), true
	}
	return time.Now().Add(time.Hour), v == "1"
}
