// Does one scenario with the AWS SDK for Go v2 and prints what the SDK showed, as `name=value` lines.
// Region, endpoint and the user's keys come from the standard AWS_… variables: the code sets none of them.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

var (
	bucket = os.Getenv("BUCKET")
	key    = os.Getenv("KEY")
	prefix = os.Getenv("PREFIX")
)

func main() {
	scenarios := map[string]func(context.Context, aws.Config) error{
		"session":        session,
		"objects":        objects,
		"multipart":      multipart,
		"attempt":        attempt,
		"pages":          pages,
		"presign":        presign,
		"virtual-hosted": virtualHosted,
	}
	ctx := context.Background()
	loaded, err := config.LoadDefaultConfig(ctx)
	if err == nil {
		err = scenarios[os.Args[1]](ctx, loaded)
	}
	if err != nil && !showRefusal(err) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func show(name string, value any) {
	fmt.Printf("%s=%v\n", name, value)
}

// showRefusal tells what the SDK made of the server's error; false if the server refused nothing.
func showRefusal(err error) bool {
	var answer smithy.APIError
	var response *awshttp.ResponseError
	if !errors.As(err, &answer) || !errors.As(err, &response) {
		return false
	}
	show("refused-code", answer.ErrorCode())
	show("refused-message", answer.ErrorMessage())
	show("refused-status", response.HTTPStatusCode())
	show("refused-request-id", response.ServiceRequestID())
	show("refused-fault", answer.ErrorFault())
	show("refused-shown", err)
	return true
}

func assumeRole(ctx context.Context, user aws.Config) (aws.Config, error) {
	input := &sts.AssumeRoleInput{
		RoleArn:         aws.String(os.Getenv("ROLE_ARN")),
		RoleSessionName: aws.String("sdk"),
	}
	if externalID, given := os.LookupEnv("EXTERNAL_ID"); given {
		input.ExternalId = &externalID
	}
	answer, err := sts.NewFromConfig(user).AssumeRole(ctx, input)
	if err != nil {
		return user, err
	}
	keys := answer.Credentials
	role := user.Copy()
	role.Credentials = credentials.StaticCredentialsProvider{Value: aws.Credentials{
		AccessKeyID:     *keys.AccessKeyId,
		SecretAccessKey: *keys.SecretAccessKey,
		SessionToken:    *keys.SessionToken,
		Expires:         *keys.Expiration,
		CanExpire:       true,
	}}
	return role, nil
}

func s3OfSession(ctx context.Context, user aws.Config) (*s3.Client, error) {
	role, err := assumeRole(ctx, user)
	return s3.NewFromConfig(role), err
}

func session(ctx context.Context, user aws.Config) error {
	role, err := assumeRole(ctx, user)
	if err != nil {
		return err
	}
	keys, err := role.Credentials.Retrieve(ctx)
	if err != nil {
		return err
	}
	show("seconds", int(time.Until(keys.Expires).Round(time.Second).Seconds()))
	identity, err := sts.NewFromConfig(role).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return err
	}
	show("arn", *identity.Arn)
	show("account", *identity.Account)
	return nil
}

func objects(ctx context.Context, user aws.Config) error {
	client, err := s3OfSession(ctx, user)
	if err != nil {
		return err
	}
	put, err := client.PutObject(ctx, &s3.PutObjectInput{
		Bucket:      &bucket,
		Key:         &key,
		Body:        strings.NewReader("This is from cross account!"),
		ContentType: aws.String("text/plain"),
		Metadata:    map[string]string{"from": "firm"},
	})
	if err != nil {
		return err
	}
	show("put-etag", *put.ETag)
	show("put-crc32", aws.ToString(put.ChecksumCRC32))
	got, body, err := read(ctx, client, nil)
	if err != nil {
		return err
	}
	show("body", string(body))
	show("metadata-from", got.Metadata["from"])
	ranged, body, err := read(ctx, client, aws.String("bytes=8-11"))
	if err != nil {
		return err
	}
	show("range-body", string(body))
	show("range", *ranged.ContentRange)
	head, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return err
	}
	show("length", *head.ContentLength)
	show("type", *head.ContentType)
	copied, err := client.CopyObject(ctx, &s3.CopyObjectInput{
		Bucket:     &bucket,
		Key:        aws.String(key + "-copy"),
		CopySource: aws.String(os.Getenv("COPY_SOURCE")),
	})
	if err != nil {
		return err
	}
	show("copy-etag", *copied.CopyObjectResult.ETag)
	list, err := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &key})
	if err != nil {
		return err
	}
	for _, object := range list.Contents {
		show("listed", fmt.Sprintf("%s %d", *object.Key, *object.Size))
	}
	if _, err = client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &key}); err != nil {
		return err
	}
	_, _, err = read(ctx, client, nil)
	return err
}

func read(ctx context.Context, client *s3.Client, span *string) (*s3.GetObjectOutput, []byte, error) {
	got, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key, Range: span})
	if err != nil {
		return nil, nil, err
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	return got, body, err
}

func multipart(ctx context.Context, user aws.Config) error {
	client, err := s3OfSession(ctx, user)
	if err != nil {
		return err
	}
	size := 11 * 1024 * 1024
	body := bytes.Repeat([]byte("strongroom"), size/10+1)[:size]
	manager := transfermanager.New(client, func(options *transfermanager.Options) {
		options.PartSizeBytes = 5 * 1024 * 1024
		options.MultipartUploadThreshold = 5 * 1024 * 1024
	})
	done, err := manager.UploadObject(ctx, &transfermanager.UploadObjectInput{
		Bucket: &bucket, Key: &key, Body: bytes.NewReader(body),
	})
	if err != nil {
		return err
	}
	show("etag", aws.ToString(done.ETag))
	show("crc32", aws.ToString(done.ChecksumCRC32))
	show("crc32-type", done.ChecksumType)
	got, answered, err := read(ctx, client, nil)
	if err != nil {
		return err
	}
	show("length", *got.ContentLength)
	show("sha256", fmt.Sprintf("%x", sha256.Sum256(answered)))
	return nil
}

func attempt(ctx context.Context, user aws.Config) error {
	client, err := s3OfSession(ctx, user)
	if err != nil {
		return err
	}
	action := os.Getenv("ACTION")
	switch action {
	case "put":
		body := strings.NewReader("not allowed")
		_, err = client.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: body})
	case "delete":
		_, err = client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &key})
	default:
		err = fmt.Errorf("no action %q", action)
	}
	if err == nil {
		show("done", action)
	}
	return err
}

func pages(ctx context.Context, user aws.Config) error {
	client, err := s3OfSession(ctx, user)
	if err != nil {
		return err
	}
	size, err := strconv.Atoi(os.Getenv("PAGE_SIZE"))
	if err != nil {
		return err
	}
	input := &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix, MaxKeys: aws.Int32(int32(size))}
	for all := s3.NewListObjectsV2Paginator(client, input); all.HasMorePages(); {
		page, err := all.NextPage(ctx)
		if err != nil {
			return err
		}
		var keys []string
		for _, object := range page.Contents {
			keys = append(keys, *object.Key)
		}
		show("page", strings.Join(keys, " "))
	}
	return nil
}

func presign(ctx context.Context, user aws.Config) error {
	client, err := s3OfSession(ctx, user)
	if err != nil {
		return err
	}
	signer := s3.NewPresignClient(client, s3.WithPresignExpires(300*time.Second))
	put, err := signer.PresignPutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return err
	}
	show("put", put.URL)
	get, err := signer.PresignGetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return err
	}
	show("get", get.URL)
	return nil
}

// virtualHosted reaches BUCKET.s3.localhost, which no resolver here knows, at the server's own address.
func virtualHosted(ctx context.Context, user aws.Config) error {
	address := strings.TrimPrefix(os.Getenv("AWS_ENDPOINT_URL"), "http://")
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	role, err := assumeRole(ctx, user)
	if err != nil {
		return err
	}
	client := s3.NewFromConfig(role, func(options *s3.Options) {
		options.BaseEndpoint = aws.String("http://s3.localhost:" + port)
		options.HTTPClient = awshttp.NewBuildableClient().WithTransportOptions(func(transport *http.Transport) {
			transport.DialContext = func(ctx context.Context, network, asked string) (net.Conn, error) {
				show("asked", asked)
				var dialer net.Dialer
				return dialer.DialContext(ctx, network, address)
			}
		})
	})
	body := strings.NewReader("by its own host")
	if _, err = client.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: body}); err != nil {
		return err
	}
	_, answered, err := read(ctx, client, nil)
	show("body", string(answered))
	return err
}
