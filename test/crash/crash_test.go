package crash

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/taeldb/tael/engine/cold"
	"github.com/taeldb/tael/engine/cold/objstore"
	"github.com/taeldb/tael/engine/compactor"
	"github.com/taeldb/tael/engine/hot"
	"github.com/taeldb/tael/internal/testkit/child"
	"github.com/taeldb/tael/internal/testkit/s3server"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

// moment is when a process dies: at the n-th time that it comes before or after a step.
type moment struct {
	step    string
	arrival int
}

func (m moment) String() string { return fmt.Sprintf("%s %d", m.step, m.arrival) }

// moments lists the times before and after every step of all tiers.
func moments(objects []string, arrivals func(before bool) []int) []moment {
	var out []moment
	add := func(name string, before bool) {
		for _, n := range arrivals(before) {
			out = append(out, moment{name, n})
		}
	}
	for _, s := range hot.Steps() {
		add(s, true)
		add(s+".done", false)
	}
	for _, s := range slices.Concat(cold.Steps(), compactor.Steps(), objects) {
		add(s+".before", true)
		add(s+".after", false)
	}
	return out
}

func long() bool { return os.Getenv("TAEL_TEST_LONG") != "" }

// seed is of the script, fixed unless the long tests are asked for.
func seed(t *testing.T) uint64 {
	n := uint64(9)
	if long() {
		n = rand.Uint64()
	}
	t.Logf("seed %d", n)
	return n
}

func arrivals(before bool) []int {
	switch {
	case long():
		return []int{1, 2, 3, 5, 8}
	case before:
		return []int{2}
	}
	return []int{1}
}

// A process that dies at any step has lost nothing that it acknowledged, and nothing is there twice.
func TestKilledAtEveryStep(t *testing.T) {
	all := moments(objstore.FolderSteps(), arrivals)
	if !long() { // a flush writes several objects, each another matter
		for _, s := range objstore.FolderSteps() {
			for n := 3; n <= 12; n++ {
				all = append(all, moment{s + ".before", n})
			}
		}
	}
	for _, m := range all {
		t.Run(m.String(), func(t *testing.T) {
			t.Parallel()
			testKilled(t, m, place{Dir: storetest.Dir(t), Seed: seed(t)})
		})
	}
}

// The same with the cold tier on S3 servers: the steps at which something of it is half done, and with TAEL_TEST_LONG all.
func TestKilledOnS3(t *testing.T) {
	main := map[string]bool{}
	for _, s := range []string{cold.StepFlushOpen, cold.StepFlushFile, cold.StepFlushDeletes, cold.StepCommitManifest, cold.StepCommitMetadata, cold.StepCommitHint,
		cold.StepDropCommit, compactor.StepSwap} {
		main[s+".before"], main[s+".after"] = true, true
	}
	for _, kind := range []s3server.Kind{s3server.Versitygw, s3server.MinIO} {
		t.Run(string(kind), func(t *testing.T) {
			s := s3server.Start(t, kind)
			n := 0
			killed := func(m moment, heavy bool) {
				n++
				p := place{Dir: storetest.Dir(t), ColdURL: s.URL(fmt.Sprint("p", n)), S3: s.Options(), Heavy: heavy}
				p.S3.PartSize = 5 << 20
				t.Run(m.String(), func(t *testing.T) {
					p.Seed = seed(t)
					testKilled(t, m, p)
				})
			}
			on := arrivals
			if !long() {
				on = func(bool) []int { return []int{2} }
			}
			for _, m := range moments(nil, on) {
				if main[m.step] || long() {
					killed(m, false)
				}
			}
			for _, s := range objstore.UploadSteps() {
				for _, n := range on(true) {
					killed(moment{s + ".before", n}, true)
					killed(moment{s + ".after", n}, true)
				}
			}
		})
	}
}

// A process that dies, is started again and dies again at a step of its recovery.
func TestKilledInRecovery(t *testing.T) {
	committed := moment{cold.StepCommitMetadata + ".after", 2} // the first flush: its segment is dead at the next start
	for _, c := range []struct{ first, second moment }{
		{moment{hot.StepIndex, 8}, moment{hot.StepRecover, 1}},
		{moment{hot.StepIndex, 8}, moment{hot.StepRecover + ".done", 1}},
		{moment{compactor.StepWrite + ".after", 2}, moment{hot.StepRecover, 1}},
		{committed, moment{hot.StepRetireMark, 1}},
		{committed, moment{hot.StepRetireMark + ".done", 1}},
		{moment{hot.StepRetireMark + ".done", 1}, moment{hot.StepRetireRename, 1}},
		{moment{hot.StepRetireMark + ".done", 1}, moment{hot.StepRetireRename + ".done", 1}},
		{moment{hot.StepRetireRename + ".done", 1}, moment{hot.StepRetireRemove, 1}},
		{moment{hot.StepRetireRename + ".done", 1}, moment{hot.StepRetireRemove + ".done", 1}},
		{moment{cold.StepCommitMetadata + ".before", 1}, moment{cold.StepCommitMetadata + ".after", 1}},
		{moment{cold.StepCommitMetadata + ".after", 1}, moment{cold.StepCommitHint + ".before", 1}},
	} {
		t.Run(fmt.Sprintf("%s, %s", c.first, c.second), func(t *testing.T) {
			t.Parallel()
			if testKilledTwice(t, c.first, c.second, place{Dir: storetest.Dir(t), Seed: seed(t)}) {
				t.Error("the second child was not killed")
			}
		})
	}
}

// The same at any two moments.
func TestKilledTwice(t *testing.T) {
	times := 20
	if long() {
		times = 200
	}
	all := moments(objstore.FolderSteps(), func(bool) []int { return []int{1, 2, 3, 5} })
	rng := rand.New(rand.NewPCG(seed(t), 2))
	for range times {
		first, second := all[rng.IntN(len(all))], all[rng.IntN(len(all))]
		t.Run(fmt.Sprintf("%s, %s", first, second), func(t *testing.T) {
			t.Parallel()
			testKilledTwice(t, first, second, place{Dir: storetest.Dir(t), Seed: seed(t)})
		})
	}
}

func testKilled(t *testing.T, m moment, p place) {
	end := life(t, m, p)
	if end.ended {
		t.Logf("the step came %d times, so the child lived", end.arrivals)
	}
	switch {
	case end.ended && end.arrivals == 0:
		t.Errorf("step %s was never reached", m.step)
	case end.ended && m.arrival == 1:
		t.Fatalf("the child was not killed at %s", m.step)
	}
	p.Lives++
	check(t, p, script(p), end.begun, end.acked)
}

func testKilledTwice(t *testing.T, first, second moment, p place) (lived bool) {
	end := life(t, first, p)
	p.Lives, p.From = 1, end.acked+1
	again := life(t, second, p)
	p.Lives++
	check(t, p, script(p), max(end.begun, again.begun), max(end.acked, again.acked))
	return again.ended
}

// ending is what the parent knows of a child that ended.
type ending struct {
	begun, acked int  // the last request that it began, and that was acknowledged; -1: none
	ended        bool // by itself
	arrivals     int  // at the step, when it ended by itself
}

// life lets a child play the script until it is killed at the moment.
func life(t *testing.T, m moment, p place) ending {
	t.Helper()
	where, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	c := child.Start(t, "victim", "TAEL_CRASH_PLACE="+string(where), "TAEL_CRASH_STEP="+m.step, fmt.Sprint("TAEL_CRASH_ARRIVAL=", m.arrival))
	e := ending{begun: -1, acked: -1}
	for line := range c.Lines {
		var n int
		word, _, _ := strings.Cut(line, " ")
		if _, err := fmt.Sscanf(line, word+" %d", &n); err != nil {
			t.Fatalf("the child said %q: %v", line, err)
		}
		switch word {
		case "begin":
			e.begun = n
		case "ack":
			e.acked = n
		case "end":
			e.ended, e.arrivals = true, n
		}
	}
	err, gone := c.Wait(time.Minute)
	switch {
	case !gone:
		t.Fatal("the child does not end")
	case e.ended != (err == nil):
		t.Fatalf("the child ended with %v", err)
	case !e.ended && !strings.Contains(err.Error(), "killed"):
		t.Fatalf("the child failed: %v\n%s", err, c.Errors())
	}
	return e
}
