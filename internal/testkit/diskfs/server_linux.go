package diskfs

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// part is the name of the child that serves a disk.
const part = "disk"

// lifetime is how long a server lives at most, whatever happens.
const lifetime = 5 * time.Minute

// serve obeys commands, a line each, and answers each with a line: "ok ..." or "error ...". It ends with its input.
func (s *server) serve(in io.Reader, out io.Writer) {
	for lines := bufio.NewScanner(in); lines.Scan(); {
		answer, err := s.obey(strings.Fields(lines.Text()))
		line := "ok " + answer
		if err != nil {
			line = "error " + strings.ReplaceAll(err.Error(), "\n", " ")
		}
		if _, err := fmt.Fprintln(out, line); err != nil {
			return // the parent is gone
		}
	}
}

type server struct {
	disk    *disk
	mounted atomic.Pointer[string] // the newest mount, "" for none
}

func newServer() *server {
	s := &server{disk: newDisk(1<<30, func() int64 { return time.Now().UnixNano() })}
	s.mounted.Store(new(string))
	return s
}

// detach takes the newest mount away, also while it is in use.
func (s *server) detach() {
	if dir := *s.mounted.Swap(new(string)); dir != "" {
		_ = unix.Unmount(dir, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW) // the kernel drops it with this process
	}
}

func (s *server) obey(words []string) (answer string, err error) {
	if len(words) == 0 {
		return "", fmt.Errorf("no command")
	}
	number := func(i int) int64 {
		if i >= len(words) {
			err = fmt.Errorf("%s: too few words", words[0])
			return 0
		}
		n, bad := strconv.ParseInt(words[i], 10, 64)
		if bad != nil {
			err = bad
		}
		return n
	}
	if words[0] == "mount" {
		if len(words) != 2 {
			return "", fmt.Errorf("mount: want a directory")
		}
		return "", s.mount(words[1])
	}
	d := s.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	switch words[0] {
	case "cut": // seed; 0 forgets all that was not synced
		seed := number(1)
		if d.off {
			return "", fmt.Errorf("the power is cut already")
		}
		var rng *rand.Rand
		if seed != 0 {
			rng = rand.New(rand.NewPCG(uint64(seed), 0))
		}
		d.off = true
		s.disk = d.cut(rng)
		s.disk.syncs = d.syncs
	case "free": // bytes
		d.capacity = d.used() + number(1)/pageSize
	case "fail": // operation, how many; less than 0 is all
		if n := number(2); err == nil {
			d.failing[op(words[1])] = int(n)
		}
	case "heal":
		clear(d.failing)
	case "syncs":
		answer = strconv.Itoa(d.syncs)
	default:
		err = fmt.Errorf("unknown command %q", words[0])
	}
	return answer, err
}

// mount shows the disk at a directory. The server itself must not touch it: it would wait for itself.
func (s *server) mount(dir string) error {
	s.detach()
	f, err := fuse.NewServer(newRawFS(s.disk), dir, &fuse.MountOptions{
		FsName: "taeltest", Name: "taeltest", DirectMount: true, DisableXAttrs: true, MaxWrite: 128 << 10,
	})
	if err != nil {
		return err
	}
	s.mounted.Store(&dir)
	go f.Serve()
	return nil
}
