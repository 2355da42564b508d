package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/taeldb/tael/ingest/otlp"
	"github.com/taeldb/tael/internal/testkit/daemon"
)

// taeld is the binary of this tree, built once.
var taeld string

// withBinary runs the tests with taeld built.
type withBinary struct{ m *testing.M }

func (w withBinary) Run() int {
	dir, err := os.MkdirTemp("", "taeld-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	if taeld, err = daemon.Build(ctx, dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return w.m.Run()
}

func TestMain(m *testing.M) {
	otlp.RegisterCompressors()
	for _, kv := range os.Environ() { // the tests say themselves which options the environment has
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "TAEL_") && !strings.HasPrefix(name, "TAEL_TEST") && name != "TAEL_TOOLS" {
			if err := os.Unsetenv(name); err != nil {
				panic(err)
			}
		}
	}
	goleak.VerifyTestMain(withBinary{m})
}

// command runs a sub-command in this process.
func command(t *testing.T, args ...string) (out string, err error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	err = run(args, &stdout, &stderr)
	if stderr.Len() > 0 {
		t.Logf("stderr: %s", &stderr)
	}
	return stdout.String(), err
}

func TestVersion(t *testing.T) {
	out, err := command(t, "version")
	if err != nil || !strings.HasPrefix(out, "taeld ") || !strings.Contains(out, "go1.") {
		t.Fatal(out, err)
	}
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"serve", "--help"}, {"config", "--help"}, {"flush", "--help"}, {"inspect", "--help"}, {"loadgen", "--help"}} {
		out, err := command(t, args...)
		if err != nil || !strings.Contains(out, "Usage: taeld") {
			t.Fatal(args, out, err)
		}
	}
	out, err := command(t, "serve", "--help")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"--data-dir", "TAEL_DATA_DIR", "Listeners", "always"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in the help of serve:\n%s", want, out)
		}
	}
}

func TestUnknownCommandsAndFlags(t *testing.T) {
	for _, args := range [][]string{{"nosuch"}, {"serve", "--nosuch"}, {"version", "--data-dir=x"}, {"serve", "extra"}, {}} {
		if out, err := command(t, args...); err == nil {
			t.Errorf("%v: taken, %s", args, out)
		}
	}
}
