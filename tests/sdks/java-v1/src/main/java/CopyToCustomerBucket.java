import java.util.List;

import com.amazonaws.SdkClientException;
import com.amazonaws.auth.BasicSessionCredentials;
import com.amazonaws.services.s3.AmazonS3;
import com.amazonaws.services.s3.AmazonS3Client;
import com.amazonaws.services.s3.model.ListObjectsV2Result;
import com.amazonaws.services.s3.model.S3ObjectSummary;
import com.amazonaws.services.securitytoken.AWSSecurityTokenServiceClient;
import com.amazonaws.services.securitytoken.model.AssumeRoleRequest;
import com.amazonaws.services.securitytoken.model.AssumeRoleResult;

public class CopyToCustomerBucket {
    private static final String CUSTOMER_BUCKET = System.getenv("CUSTOMER_BUCKET");
    private static final String ROLE_ARN = System.getenv("ROLE_ARN");
    private static final String ENDPOINT = System.getenv("AWS_ENDPOINT_URL");

    public static void main(String[] arguments) {
        usingStsCrossAccount();
    }

    private static void usingStsCrossAccount() {
        // As the machine: its credentials come from where the SDK looks for them by itself.
        AWSSecurityTokenServiceClient stsClient = new AWSSecurityTokenServiceClient();
        stsClient.setEndpoint(ENDPOINT);

        AssumeRoleRequest assumeRequest = new AssumeRoleRequest()
            .withRoleArn(ROLE_ARN)
            .withDurationSeconds(3600)
            .withRoleSessionName("demo");

        AssumeRoleResult assumeResult = stsClient.assumeRole(assumeRequest);

        // As the customer's role, for an hour.
        BasicSessionCredentials temporaryCredentials =
            new BasicSessionCredentials(
                assumeResult.getCredentials().getAccessKeyId(),
                assumeResult.getCredentials().getSecretAccessKey(),
                assumeResult.getCredentials().getSessionToken());

        final AmazonS3Client s3 = new AmazonS3Client(temporaryCredentials);
        s3.setEndpoint(ENDPOINT);
        listObjectsOfBucket(s3, CUSTOMER_BUCKET);
    }

    private static void listObjectsOfBucket(AmazonS3 s3, String bucket) {
        System.out.println("List objects of bucket " + bucket);
        try {
            ListObjectsV2Result result = s3.listObjectsV2(bucket);
            List<S3ObjectSummary> objects = result.getObjectSummaries();
            objects.stream()
                   .limit(15)
                   .map(S3ObjectSummary::getKey)
                   .forEach(System.out::println);
        } catch (SdkClientException e) {
            System.err.println("Can't list objects of bucket " + bucket + " due to: " + e.getMessage());
        }
    }
}
