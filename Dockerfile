# quell as a static binary in an empty image: no shell, no libc, no root. It runs with a read-only root file system;
# /data is all that it writes.
#
#   docker build --build-arg VERSION=1.2.3 -t quell .
#   docker run -p 9095:9095 -v quell:/data -v ./quell.yml:/etc/quell/quell.yml:ro --read-only quell

FROM golang:1.26 AS build
WORKDIR /src
# Modules change seldom: a layer of their own keeps them out of most builds.
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=devel
RUN make build VERSION=$VERSION OUT=/quell && mkdir /data

FROM scratch
# Slack and PagerDuty are reached over TLS, and time zones are needed where people sleep in them.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /usr/local/go/lib/time/zoneinfo.zip /usr/local/go/lib/time/zoneinfo.zip
ENV ZONEINFO=/usr/local/go/lib/time/zoneinfo.zip
COPY --from=build --chown=65532:65532 /data /data
COPY --from=build /quell /usr/bin/quell
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 9095
ENTRYPOINT ["/usr/bin/quell"]
CMD ["serve", "-c", "/etc/quell/quell.yml"]
