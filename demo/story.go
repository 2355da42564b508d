package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// story tells a person what happens, and counts what was checked. The SDK's exporters check from goroutines of their own.
type story struct {
	out   io.Writer
	begin time.Time

	mu     sync.Mutex
	checks int
	failed int
	wrong  []string // the first of those that failed
}

// maxTold bounds how many failed checks are told in words.
const maxTold = 20

// print writes for the person who watches. If nobody can see it, the verdict and the exit status still stand.
func (s *story) print(format string, args ...any) { _, _ = fmt.Fprintf(s.out, format, args...) }

// chapter begins a part of the demo.
func (s *story) chapter(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.print("\n[%5.1f s] %s\n", time.Since(s.begin).Seconds(), fmt.Sprintf(format, args...))
}

// say prints one indented line.
func (s *story) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.line(format, args...)
}

func (s *story) line(format string, args ...any) {
	s.print("   %s\n", fmt.Sprintf(format, args...))
}

// check counts one thing that was tested, and tells of it when it is wrong.
func (s *story) check(ok bool, format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checks++
	if ok {
		return
	}
	s.failed++
	if s.failed > maxTold {
		return
	}
	what := fmt.Sprintf(format, args...)
	s.wrong = append(s.wrong, what)
	s.line("WRONG: %s", what)
}

// right counts things that were tested elsewhere and found right.
func (s *story) right(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checks += n
}

// end prints the verdict and says whether every answer was right.
func (s *story) end(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	took := time.Since(s.begin).Seconds()
	switch {
	case err != nil:
		s.print("\nThe demo stopped after %.1f s: %v\n", took, err)
	case s.failed > 0:
		s.print("\n%d of %d checks failed in %.1f s, first of all:\n   %s\n", s.failed, s.checks, took, strings.Join(s.wrong, "\n   "))
	default:
		s.print("\nEvery answer was right: %d checks in %.1f s\n", s.checks, took)
		return true
	}
	return false
}
