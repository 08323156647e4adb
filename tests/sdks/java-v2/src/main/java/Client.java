import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

import software.amazon.awssdk.auth.credentials.AwsSessionCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.ResponseBytes;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.ChecksumAlgorithm;
import software.amazon.awssdk.services.s3.model.ChecksumType;
import software.amazon.awssdk.services.s3.model.CompletedPart;
import software.amazon.awssdk.services.s3.model.GetObjectResponse;
import software.amazon.awssdk.services.s3.model.ListObjectsV2Response;
import software.amazon.awssdk.services.s3.model.S3Object;
import software.amazon.awssdk.services.s3.presigner.S3Presigner;
import software.amazon.awssdk.services.sts.StsClient;
import software.amazon.awssdk.services.sts.model.Credentials;

/**
 * Does one scenario with the AWS SDK for Java 2.x and prints what the SDK showed, as `name=value` lines.
 *
 * Region, endpoint and the user's keys come from the standard AWS_… variables: the code sets none of them.
 */
public class Client {
    private static final String BUCKET = System.getenv("BUCKET");
    private static final String KEY = System.getenv("KEY");
    private static final int PART_BYTES = 5 * 1024 * 1024;

    private interface Scenario {
        void run() throws Exception;
    }

    private static final Map<String, Scenario> SCENARIOS = Map.of(
            "session", Client::session,
            "objects", Client::objects,
            "multipart", Client::multipart,
            "attempt", Client::attempt,
            "pages", Client::pages,
            "presign", Client::presign);

    public static void main(String[] arguments) throws Exception {
        try {
            SCENARIOS.get(arguments[0]).run();
        } catch (AwsServiceException refusal) {
            show("refused-code", refusal.awsErrorDetails().errorCode());
            show("refused-message", refusal.awsErrorDetails().errorMessage());
            show("refused-status", refusal.statusCode());
            show("refused-request-id", refusal.requestId());
            show("refused-shown", refusal);
        }
    }

    private static void show(String name, Object value) {
        System.out.println(name + "=" + value);
    }

    private static Credentials assumeRole() {
        try (StsClient sts = StsClient.create()) {
            return sts.assumeRole(request -> request
                    .roleArn(System.getenv("ROLE_ARN"))
                    .externalId(System.getenv("EXTERNAL_ID"))
                    .roleSessionName("sdk")).credentials();
        }
    }

    private static StaticCredentialsProvider provider(Credentials keys) {
        return StaticCredentialsProvider.create(
                AwsSessionCredentials.create(keys.accessKeyId(), keys.secretAccessKey(), keys.sessionToken()));
    }

    private static S3Client s3() {
        return S3Client.builder().credentialsProvider(provider(assumeRole())).build();
    }

    private static void session() {
        Credentials keys = assumeRole();
        show("seconds", Math.round(Duration.between(Instant.now(), keys.expiration()).toMillis() / 1000.0));
        try (StsClient sts = StsClient.builder().credentialsProvider(provider(keys)).build()) {
            var identity = sts.getCallerIdentity();
            show("arn", identity.arn());
            show("account", identity.account());
        }
    }

    private static ResponseBytes<GetObjectResponse> read(S3Client s3, String range) {
        return s3.getObjectAsBytes(request -> request.bucket(BUCKET).key(KEY).range(range));
    }

    private static void objects() {
        try (S3Client s3 = s3()) {
            var put = s3.putObject(
                    request -> request.bucket(BUCKET).key(KEY).contentType("text/plain").metadata(Map.of("from", "firm")),
                    RequestBody.fromString("This is from cross account!"));
            show("put-etag", put.eTag());
            show("put-crc32", put.checksumCRC32());
            var got = read(s3, null);
            show("body", got.asUtf8String());
            show("metadata-from", got.response().metadata().get("from"));
            var ranged = read(s3, "bytes=8-11");
            show("range-body", ranged.asUtf8String());
            show("range", ranged.response().contentRange());
            var head = s3.headObject(request -> request.bucket(BUCKET).key(KEY));
            show("length", head.contentLength());
            show("type", head.contentType());
            var copied = s3.copyObject(request -> request
                    .sourceBucket(BUCKET).sourceKey(KEY).destinationBucket(BUCKET).destinationKey(KEY + "-copy"));
            show("copy-etag", copied.copyObjectResult().eTag());
            var list = s3.listObjectsV2(request -> request.bucket(BUCKET).prefix(KEY));
            list.contents().forEach(object -> show("listed", object.key() + " " + object.size()));
            s3.deleteObject(request -> request.bucket(BUCKET).key(KEY));
            read(s3, null);
        }
    }

    private static void multipart() throws Exception {
        byte[] word = "strongroom".getBytes(StandardCharsets.US_ASCII);
        byte[] body = new byte[11 * 1024 * 1024];
        for (int at = 0; at < body.length; at++) {
            body[at] = word[at % word.length];
        }
        try (S3Client s3 = s3()) {
            String upload = s3.createMultipartUpload(request -> request
                    .bucket(BUCKET).key(KEY)
                    .checksumAlgorithm(ChecksumAlgorithm.CRC32).checksumType(ChecksumType.FULL_OBJECT)).uploadId();
            List<CompletedPart> parts = new ArrayList<>();
            for (int at = 0; at < body.length; at += PART_BYTES) {
                int number = parts.size() + 1;
                byte[] part = Arrays.copyOfRange(body, at, Math.min(at + PART_BYTES, body.length));
                var sent = s3.uploadPart(
                        request -> request.bucket(BUCKET).key(KEY).uploadId(upload).partNumber(number)
                                .checksumAlgorithm(ChecksumAlgorithm.CRC32),
                        RequestBody.fromBytes(part));
                parts.add(CompletedPart.builder()
                        .partNumber(number).eTag(sent.eTag()).checksumCRC32(sent.checksumCRC32()).build());
            }
            var done = s3.completeMultipartUpload(request -> request
                    .bucket(BUCKET).key(KEY).uploadId(upload).multipartUpload(all -> all.parts(parts)));
            show("etag", done.eTag());
            show("crc32", done.checksumCRC32());
            show("crc32-type", done.checksumType());
            var got = read(s3, null);
            show("length", got.response().contentLength());
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(got.asByteArray());
            show("sha256", HexFormat.of().formatHex(digest));
        }
    }

    private static void attempt() {
        String action = System.getenv("ACTION");
        try (S3Client s3 = s3()) {
            switch (action) {
                case "put" -> s3.putObject(
                        request -> request.bucket(BUCKET).key(KEY), RequestBody.fromString("not allowed"));
                case "delete" -> s3.deleteObject(request -> request.bucket(BUCKET).key(KEY));
                default -> throw new IllegalArgumentException("no action " + action);
            }
            show("done", action);
        }
    }

    private static void pages() {
        int size = Integer.parseInt(System.getenv("PAGE_SIZE"));
        try (S3Client s3 = s3()) {
            var pages = s3.listObjectsV2Paginator(request -> request
                    .bucket(BUCKET).prefix(System.getenv("PREFIX")).maxKeys(size));
            for (ListObjectsV2Response page : pages) {
                show("page", page.contents().stream().map(S3Object::key).collect(Collectors.joining(" ")));
            }
        }
    }

    /** The one client of this SDK that does not read AWS_ENDPOINT_URL by itself is given what S3's has. */
    private static void presign() {
        try (S3Client s3 = s3(); S3Presigner signer = S3Presigner.builder().s3Client(s3)
                .credentialsProvider(s3.serviceClientConfiguration().credentialsProvider()).build()) {
            Duration time = Duration.ofMinutes(5);
            show("put", signer.presignPutObject(request -> request.signatureDuration(time)
                    .putObjectRequest(put -> put.bucket(BUCKET).key(KEY))).url());
            show("get", signer.presignGetObject(request -> request.signatureDuration(time)
                    .getObjectRequest(get -> get.bucket(BUCKET).key(KEY))).url());
        }
    }
}
