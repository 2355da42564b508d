package hot

// The steps of a segment's life at which a crash is interesting. Options.Hook is called with the name before the step and with the
// name and ".done" after it.
const (
	StepGather        = "append.gather"   // requests joined and packed, nothing written
	StepWrite         = "append.write"    // a transaction goes to the log
	StepSync          = "append.sync"     // the log goes to disk
	StepIndex         = "append.index"    // entries become visible; acknowledgements follow
	StepSealHighWater = "seal.highwater"  // the number of the last entry goes to disk
	StepSealSwap      = "seal.swap"       // the segment stops to be the active one
	StepCreate        = "segment.create"  // a new segment's directory is made
	StepRetireMark    = "retire.mark"     // the segment is marked dead
	StepRetireRename  = "retire.rename"   // its directory gets the name of a dead one
	StepRetireRemove  = "retire.remove"   // its directory goes
	StepRecover       = "recover.segment" // a segment of a former process is mended and opened
	stepDone          = ".done"
)

// Steps lists the steps, in the order of a segment's life. StepRecover is not among them: it comes when a store with segments is opened.
func Steps() []string {
	return []string{StepCreate, StepGather, StepWrite, StepSync, StepIndex, StepSealHighWater, StepSealSwap, StepRetireMark, StepRetireRename, StepRetireRemove}
}
