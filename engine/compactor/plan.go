package compactor

import "time"

// JobKind says what a Job does.
type JobKind uint8

// The kinds of jobs.
const (
	JobRetire   JobKind = iota // remove a segment that the table has
	JobFlush                   // write a sealed segment to the table
	JobMaintain                // drop old days, clean up
)

// Job is one thing to do. Counter names the segment of a JobRetire or JobFlush.
type Job struct {
	Kind    JobKind
	Counter uint64
}

// State is what Plan decides on.
type State struct {
	Now        time.Time
	Sealed     []uint64 // counters, ascending
	Watermark  uint64
	Maintained time.Time // when the last JobMaintain ended; zero is never
}

// Plan lists what is due, in the order in which to do it: space that can be had at once first, then what ingest waits for. Maintenance comes before
// flushes because it frees the disk that a flush may lack, and would have no turn while segments always wait. It is pure.
func Plan(s State, o Options) []Job {
	var jobs []Job
	for _, counter := range s.Sealed {
		if counter <= s.Watermark {
			jobs = append(jobs, Job{JobRetire, counter})
		}
	}
	if s.Now.Sub(s.Maintained) >= o.MaintainEvery {
		jobs = append(jobs, Job{Kind: JobMaintain})
	}
	for _, counter := range s.Sealed {
		if counter > s.Watermark {
			jobs = append(jobs, Job{JobFlush, counter})
		}
	}
	return jobs
}
