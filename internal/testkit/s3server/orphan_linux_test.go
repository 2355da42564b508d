package s3server

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestServerDiesWithItsParent kills a process that started a server, as a test timeout or a crash does.
func TestServerDiesWithItsParent(t *testing.T) {
	if os.Getenv("S3SERVER_TEST_PARENT") != "" {
		s, err := Run(context.Background(), Options{Dir: os.Getenv("S3SERVER_TEST_PARENT")})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println("endpoint", s.addr)
		select {} // until killed
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestServerDiesWithItsParent$", "-test.timeout=1m")
	cmd.Env = append(os.Environ(), "S3SERVER_TEST_PARENT="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	addr := ""
	for lines := bufio.NewScanner(out); addr == "" && lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "endpoint "); ok {
			addr = rest
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil || addr == "" {
		t.Fatalf("the parent ended with %v before it was killed; endpoint %q", err, addr)
	}
	deadline := time.After(30 * time.Second)
	for {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return // refused: nobody listens any more
		}
		conn.Close()
		select {
		case <-deadline:
			t.Fatal("the server outlived its parent")
		case <-time.After(10 * time.Millisecond):
		}
	}
}
