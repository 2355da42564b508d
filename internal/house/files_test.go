package house

import (
	"regexp"
	"strings"
	"testing"
)

const maxLines = 400

// longFiles may be longer, each for its reason.
var longFiles = map[string]string{}

func TestFilesAreShort(t *testing.T) {
	for _, f := range goFiles(t) {
		if _, ok := longFiles[f.path]; !ok && f.lines > maxLines {
			t.Errorf("%s has %d lines: a file over %d does more than one thing, so split it by what happens in it", f.path, f.lines, maxLines)
		}
	}
}

var (
	skips   = regexp.MustCompile(`\b(t|b|tb|f|s)\.(Skip|Skipf|SkipNow)\(`)
	markers = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X)\b`)
	initFn  = regexp.MustCompile(`(?m)^func init\(\)`)
)

func TestNoTestIsSkipped(t *testing.T) {
	for _, f := range goFiles(t) {
		if strings.HasPrefix(f.path, "internal/house/") {
			continue
		}
		if m := skips.FindString(f.text); m != "" {
			t.Errorf("%s calls %s: a test that cannot run is a failure, or it lies behind a build tag with its own make target", f.path, strings.TrimSuffix(m, "("))
		}
	}
}

func TestNothingIsLeftForLater(t *testing.T) {
	for _, f := range goFiles(t) {
		if m := markers.FindString(f.text); m != "" {
			t.Errorf("%s says %s: what is known to be missing has a page in docs/gaps", f.path, m)
		}
		if !f.isTest() && initFn.MatchString(f.text) {
			t.Errorf("%s has a func init: nothing happens before main has read its options", f.path)
		}
	}
}

var vague = map[string]bool{"util": true, "utils": true, "common": true, "helpers": true, "misc": true, "shared": true}

func TestPackagesAreNamedForWhatTheyDo(t *testing.T) {
	for _, f := range goFiles(t) {
		for _, part := range strings.Split(f.dir(), "/") {
			if vague[part] {
				t.Errorf("%s lies in a folder named %s: a helper lives beside its only user", f.path, part)
			}
		}
	}
}

// TestEveryPackageSaysItsPlace asks for a package comment, in any one file of each package.
func TestEveryPackageSaysItsPlace(t *testing.T) {
	said := map[string]bool{}
	comment := regexp.MustCompile(`(?ms)^(//[^\n]*\n|\*/\n)package \w+`)
	for _, f := range goFiles(t) {
		if f.isTest() {
			continue
		}
		said[f.dir()] = said[f.dir()] || comment.MatchString(f.text)
	}
	for dir, ok := range said {
		if !ok {
			t.Errorf("package %s has no package comment that says its place in the data's path", dir)
		}
	}
}

// TestGoroutinesAreCounted asks every package that starts one to look for leaks after its tests.
func TestGoroutinesAreCounted(t *testing.T) {
	starts, checks := map[string]string{}, map[string]bool{}
	goStatement := regexp.MustCompile(`(?m)^\s*go (func\(|[\w.]+\()|\.Go\(func\(`)
	for _, f := range goFiles(t) {
		if f.isTest() {
			checks[f.dir()] = checks[f.dir()] || strings.Contains(f.text, "goleak.VerifyTestMain")
		} else if goStatement.MatchString(f.text) {
			starts[f.dir()] = f.path
		}
	}
	for dir, path := range starts {
		if !checks[dir] && !strings.HasPrefix(dir, "demo") && dir != "bench/run" && !strings.HasPrefix(dir, "test/") && !strings.HasPrefix(dir, "internal/testkit") {
			t.Errorf("%s starts a goroutine, but no test of its package calls goleak.VerifyTestMain", path)
		}
	}
}
