package fake

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// uploadPath is where files are sent to; their ids follow.
const uploadPath = "/upload/v1/"

// SlackFile is a file that was shared.
type SlackFile struct {
	ID string `json:"id"`
	// Name is the file's, Title what people see, Alt what it shows in words.
	Name  string `json:"name"`
	Title string `json:"title"`
	Alt   string `json:"alt_txt,omitempty"`
	Data  []byte `json:"-"`
	// Channel is where it was shared, in the thread of ThreadTS if that is not empty.
	Channel  string `json:"-"`
	ThreadTS string `json:"-"`
}

// slackFiles is a place for files on their way.
type slackFiles struct {
	pending map[string]*pendingFile
	shared  []SlackFile
	lastID  int
}

// pendingFile is a file that was announced.
type pendingFile struct {
	SlackFile
	length   int
	uploaded bool
}

// Files returns what was shared, oldest first.
func (s *Slack) Files() []SlackFile {
	s.state.Lock()
	defer s.state.Unlock()
	return slices.Clone(s.files.shared)
}

// uploadURL announces a file and tells where to send it.
func (s *Slack) uploadURL(args url.Values) (map[string]any, string) {
	length, err := strconv.Atoi(args.Get("length"))
	switch {
	case err != nil || length < 1 || args.Get("filename") == "":
		return nil, "invalid_arguments"
	case length > maxRequestBytes:
		return nil, "file_upload_size_restricted"
	}
	if s.files.pending == nil || len(s.files.pending) >= maxRecords/10 {
		s.files.pending = make(map[string]*pendingFile) // what nobody completed is forgotten
	}
	s.files.lastID++
	f := &pendingFile{length: length}
	f.ID, f.Name, f.Alt = fmt.Sprintf("F%07d", s.files.lastID), args.Get("filename"), args.Get("alt_txt")
	s.files.pending[f.ID] = f
	return map[string]any{"upload_url": s.URL() + uploadPath + f.ID, "file_id": f.ID}, ""
}

// takeUpload receives a file's bytes, raw or as a form. It answers with a status, and no JSON.
func (s *Slack) takeUpload(w http.ResponseWriter, r *http.Request) {
	data, err := uploadedBytes(r)
	fault := s.nextFault("upload")
	if s.prevents(fault, w, r) {
		return
	}
	s.state.Lock()
	f := s.files.pending[r.PathValue("id")]
	ok := err == nil && f != nil && !f.uploaded && len(data) == f.length
	if ok {
		f.Data, f.uploaded = data, true
	}
	s.state.Unlock()
	if !ok {
		http.Error(w, "no such upload, or of another length", http.StatusBadRequest)
		return
	}
	_, _ = fmt.Fprintf(w, "OK - %d", len(data)) // The client may be gone, which is its business.
}

func uploadedBytes(r *http.Request) ([]byte, error) {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "multipart/form-data" {
		return io.ReadAll(r.Body)
	}
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, err
	}
	part, err := parts.NextPart()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(part)
}

// completeUpload shares files in a channel. Like chat.update it wants the id.
func (s *Slack) completeUpload(args url.Values) (map[string]any, string) {
	var list []struct{ ID, Title string }
	if json.Unmarshal([]byte(args.Get("files")), &list) != nil || len(list) == 0 {
		return nil, "invalid_arguments"
	}
	channel := args.Get("channel_id")
	if channel != "" {
		if code := s.channelByID(channel); code != "" {
			return nil, code
		}
	}
	var files []SlackFile
	for _, item := range list {
		f := s.files.pending[item.ID]
		if f == nil || !f.uploaded {
			return nil, "file_not_found"
		}
		shared := f.SlackFile
		shared.Title, shared.Channel, shared.ThreadTS = cmp.Or(item.Title, f.Name), channel, args.Get("thread_ts")
		files = append(files, shared)
	}
	for _, f := range files {
		delete(s.files.pending, f.ID)
	}
	s.files.shared = append(s.files.shared, files...)
	s.files.shared = s.files.shared[max(0, len(s.files.shared)-maxSharedFiles):]
	return map[string]any{"files": files}, ""
}

// maxSharedFiles bounds the files that are kept: they are large.
const maxSharedFiles = 500
