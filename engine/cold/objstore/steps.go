package objstore

// The named steps of WithHook, each with ".before" and ".after": those of a write to a folder, and of an upload to a bucket in parts. An object that goes to a
// bucket in one request has none, because its caller's own steps stand around that request.
const (
	StepFolderTemp     = "folder.temp"     // the bytes go to a temporary file, and to disk
	StepFolderName     = "folder.name"     // the file gets the object's name
	StepFolderSync     = "folder.sync"     // the name goes to disk
	StepUploadCreate   = "upload.create"   // an upload in parts begins
	StepUploadPart     = "upload.part"     // a part reaches the bucket
	StepUploadComplete = "upload.complete" // the parts become an object
)

// FolderSteps lists the steps of a write to a folder in their order.
func FolderSteps() []string { return []string{StepFolderTemp, StepFolderName, StepFolderSync} }

// UploadSteps lists the steps of an upload in parts in their order.
func UploadSteps() []string { return []string{StepUploadCreate, StepUploadPart, StepUploadComplete} }

// uploadSteps are the steps by the name of the request.
var uploadSteps = map[string]string{
	OpUploadCreate: StepUploadCreate, OpUploadPart: StepUploadPart, OpUploadComplete: StepUploadComplete,
}

// step runs a named step between its two hooks.
func step(hook func(string), name string, run func() error) error {
	hook(name + ".before")
	if err := run(); err != nil {
		return err
	}
	hook(name + ".after")
	return nil
}
