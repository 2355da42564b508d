package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// clockTick is the kernel's USER_HZ, in which /proc tells times. It is 100 on every Linux that Go runs on.
const clockTick = 10 * time.Millisecond

// cpuTime is the time that all threads of a process have run, in user and in kernel mode.
func cpuTime(pid int) (time.Duration, error) {
	path := fmt.Sprintf("/proc/%d/stat", pid)
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("CPU time of process %d: %w", pid, err)
	}
	// The name, in brackets, may hold anything; user and system time are fields 14 and 15, so 12 and 13 after it.
	_, rest, ok := strings.Cut(string(b[bytes.LastIndexByte(b, ')')+1:]), " ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 13 {
		return 0, fmt.Errorf("CPU time of process %d: %s has an unknown form", pid, path)
	}
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("CPU time of process %d: %s: %w", pid, path, err)
		}
		ticks += n
	}
	return time.Duration(ticks) * clockTick, nil
}

// procField reads a number after "name:" from a file of /proc; kB become bytes.
func procField(pid int, file, name string) (int64, error) {
	path := fmt.Sprintf("/proc/%d/%s", pid, file)
	f, err := os.Open(path)
	if err != nil {
		return 0, fmt.Errorf("read %s of process %d: %w", name, pid, err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		value, ok := strings.CutPrefix(lines.Text(), name+":")
		if !ok {
			continue
		}
		value, kilo := strings.CutSuffix(strings.TrimSpace(value), " kB")
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read %s of process %d: %w", name, pid, err)
		}
		if kilo {
			n <<= 10
		}
		return n, nil
	}
	return 0, errors.Join(fmt.Errorf("%s has no %s", path, name), lines.Err())
}

// bytesWritten is what a process has caused to be written to storage: pages that it made dirty, by write or by memory map.
func bytesWritten(pid int) (int64, error) { return procField(pid, "io", "write_bytes") }

// peakMemory is the most physical memory that a process ever held, pages of mapped files included.
func peakMemory(pid int) (int64, error) { return procField(pid, "status", "VmHWM") }

// anonymousMemory is the physical memory that a process holds and that is not of files.
func anonymousMemory(pid int) (int64, error) { return procField(pid, "status", "RssAnon") }

// diskUsage is the sum of the blocks that files and directories below a path occupy. What vanishes meanwhile is not counted.
func diskUsage(path string) (int64, error) {
	var total int64
	err := filepath.WalkDir(path, func(at string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && at != path {
			return nil
		}
		if err != nil {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			return fmt.Errorf("%s: the system does not tell its blocks", at)
		}
		total += stat.Blocks * 512
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("disk usage of %s: %w", path, err)
	}
	return total, nil
}
