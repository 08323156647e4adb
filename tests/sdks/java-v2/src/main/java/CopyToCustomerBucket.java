import java.util.List;

import software.amazon.awssdk.auth.credentials.AwsSessionCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.ListObjectsV2Request;
import software.amazon.awssdk.services.s3.model.ListObjectsV2Response;
import software.amazon.awssdk.services.s3.model.S3Object;
import software.amazon.awssdk.services.sts.StsClient;
import software.amazon.awssdk.services.sts.model.AssumeRoleRequest;
import software.amazon.awssdk.services.sts.model.AssumeRoleResponse;

/** The class of the same name in java-v1, in the words of the SDK 2.x. */
public class CopyToCustomerBucket {
    private static final String CUSTOMER_BUCKET = System.getenv("CUSTOMER_BUCKET");
    private static final String ROLE_ARN = System.getenv("ROLE_ARN");

    public static void main(String[] arguments) {
        usingStsCrossAccount();
    }

    private static void usingStsCrossAccount() {
        StsClient stsClient = StsClient.create();

        AssumeRoleRequest assumeRequest = AssumeRoleRequest.builder()
            .roleArn(ROLE_ARN)
            .durationSeconds(3600)
            .roleSessionName("demo")
            .build();

        AssumeRoleResponse assumeResult = stsClient.assumeRole(assumeRequest);

        AwsSessionCredentials temporaryCredentials =
            AwsSessionCredentials.create(
                assumeResult.credentials().accessKeyId(),
                assumeResult.credentials().secretAccessKey(),
                assumeResult.credentials().sessionToken());

        final S3Client s3 = S3Client.builder()
            .credentialsProvider(StaticCredentialsProvider.create(temporaryCredentials))
            .build();
        listObjectsOfBucket(s3, CUSTOMER_BUCKET);
    }

    private static void listObjectsOfBucket(S3Client s3, String bucket) {
        System.out.println("List objects of bucket " + bucket);
        try {
            ListObjectsV2Response result = s3.listObjectsV2(
                ListObjectsV2Request.builder().bucket(bucket).build());
            List<S3Object> objects = result.contents();
            objects.stream()
                   .limit(15)
                   .map(S3Object::key)
                   .forEach(System.out::println);
        } catch (SdkException e) {
            System.err.println("Can't list objects of bucket " + bucket + " due to: " + e.getMessage());
        }
    }
}
