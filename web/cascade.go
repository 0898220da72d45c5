package web

import (
	"mime"
	"net/http"

	"quell/internal/picture"
)

// cascade answers with the drawing of an incident, in the form that the path names.
func (s *Server) cascade(contentType string, encode func(*picture.Image) []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, ok := incidentID(w, r)
		if !ok {
			return
		}
		inc, err := s.backend.Incident(r.Context(), id)
		if err != nil {
			s.failed(w, r, err)
			return
		}
		img, drawn := picture.Draw(inc, picture.Options{})
		if !drawn {
			fail(w, http.StatusNotFound, id.String()+" has no root that could be drawn", "")
			return
		}
		// The drawing's colours are in style attributes, and it is to do nothing but show itself.
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox")
		w.Header().Set("Content-Type", contentType)
		// The alternative text is for those who do not see it.
		w.Header().Set("Content-Description", mime.QEncoding.Encode("utf-8", img.Alt()))
		_, _ = w.Write(encode(img)) // the client is gone, and nobody else wants to know
	}
}
