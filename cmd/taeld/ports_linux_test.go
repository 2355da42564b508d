package main

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

func TestPortsOfTheSystemsChoiceAreInTheLog(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), taeld, "serve", "--data-dir", t.TempDir(), "--otlp-grpc-addr=127.0.0.1:0", "--otlp-http-addr=", "--http-addr=127.0.0.1:0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = 5 * time.Second
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }) // when the test failed before it ended
	var line map[string]any
	lines := bufio.NewScanner(stderr)
	for line["msg"] != "ready" && lines.Scan() {
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatalf("a log line is not JSON: %s", lines.Text())
		}
	}
	if line["http"] == nil || line["otlp_grpc"] == nil || line["otlp_http"] != nil || line["version"] == nil || line["data_dir"] == nil {
		t.Fatalf("ready: %v", line)
	}
	if status, _ := ask(t, "http://"+line["http"].(string), nil).get(t, "/readyz", ""); status != http.StatusOK {
		t.Fatalf("readyz: %d", status)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	last := ""
	for lines.Scan() {
		last = lines.Text()
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v; it said at last %s", err, last)
	}
}
