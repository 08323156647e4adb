import java.io.BufferedReader;
import java.io.InputStreamReader;

import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsSessionCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.DeleteObjectRequest;
import software.amazon.awssdk.services.s3.model.GetObjectRequest;
import software.amazon.awssdk.services.s3.model.PutObjectRequest;
import software.amazon.awssdk.services.sts.StsClient;
import software.amazon.awssdk.services.sts.model.AssumeRoleRequest;
import software.amazon.awssdk.services.sts.model.AssumeRoleResponse;
import software.amazon.awssdk.services.sts.model.Credentials;

/** The class of the same name in java-v1, in the words of the SDK 2.x. */
public class CrossAccountAccess {
    private static final String BUCKET_NAME = System.getenv("BUCKET_NAME");
    private static final Region BUCKET_REGION = Region.US_EAST_1;
    private static final String ROLE_ARN = System.getenv("ROLE_ARN");
    private static final String EXTERNAL_ID = System.getenv("EXTERNAL_ID");

    private static final String awsAccessKeyId = System.getenv("AWS_ACCESS_KEY_ID");
    private static final String awsSecretKey = System.getenv("AWS_SECRET_ACCESS_KEY");

    private interface Step {
        void run() throws Exception;
    }

    public static void main(String[] steps) {
        for (String step : steps) {
            switch (step) {
                case "upload" -> System.out.println("validated Upload : " + validateUpload());
                case "download" -> System.out.println("validated Download : " + validateDownload());
                case "delete" -> System.out.println("validated Delete : " + validateDelete());
                default -> throw new IllegalArgumentException(step);
            }
        }
    }

    public static boolean validateUpload() {
        return validate(() -> {
            S3Client s3client = assumeCrossAccountRole();
            s3client.putObject(
                PutObjectRequest.builder().bucket(BUCKET_NAME).key("test.txt").build(),
                RequestBody.fromString("This is from cross account!"));
        });
    }

    public static boolean validateDownload() {
        return validate(() -> {
            S3Client s3client = assumeCrossAccountRole();
            GetObjectRequest rangeObjectRequest = GetObjectRequest.builder()
                .bucket(BUCKET_NAME).key("test.txt").range("bytes=0-26").build();
            BufferedReader reader = new BufferedReader(new InputStreamReader(s3client.getObject(rangeObjectRequest)));
            StringBuilder sb = new StringBuilder();
            String readLine;
            while ((readLine = reader.readLine()) != null) {
                sb.append(readLine);
            }
            System.out.println("Read File from S3 bucket. Content : " + sb.toString());
        });
    }

    public static boolean validateDelete() {
        return validate(() -> {
            S3Client s3client = assumeCrossAccountRole();
            s3client.deleteObject(DeleteObjectRequest.builder().bucket(BUCKET_NAME).key("test.txt").build());
        });
    }

    private static S3Client assumeCrossAccountRole() {
        AwsBasicCredentials credentials = AwsBasicCredentials.create(awsAccessKeyId, awsSecretKey);
        AssumeRoleRequest assumeRoleRequest = AssumeRoleRequest.builder().roleArn(ROLE_ARN)
            .externalId(EXTERNAL_ID).durationSeconds(3600).roleSessionName("testSession").build();
        StsClient stsClient = StsClient.builder().region(BUCKET_REGION)
            .credentialsProvider(StaticCredentialsProvider.create(credentials)).build();
        AssumeRoleResponse assumeResult = stsClient.assumeRole(assumeRoleRequest);
        Credentials sessionCredentials = assumeResult.credentials();
        AwsSessionCredentials basicSessionCredentials = AwsSessionCredentials.create(
            sessionCredentials.accessKeyId(), sessionCredentials.secretAccessKey(),
            sessionCredentials.sessionToken());
        return S3Client.builder().region(BUCKET_REGION)
            .credentialsProvider(StaticCredentialsProvider.create(basicSessionCredentials)).build();
    }

    private static boolean validate(Step step) {
        try {
            step.run();
        } catch (AwsServiceException ase) {
            System.out.println("Caught an AwsServiceException: the service was reached and refused.");
            System.out.println("Error Message: " + ase.getMessage());
            System.out.println("HTTP Status Code: " + ase.statusCode());
            System.out.println("AWS Error Code: " + ase.awsErrorDetails().errorCode());
            System.out.println("Request ID: " + ase.requestId());
            ase.printStackTrace();
            return false;
        } catch (SdkClientException ace) {
            System.out.println("Caught an SdkClientException: the service was not reached or not understood.");
            System.out.println("Error Message: " + ace.getMessage());
            ace.printStackTrace();
            return false;
        } catch (Exception ex) {
            System.out.println("Caught something that is not the SDK's.");
            ex.printStackTrace();
            return false;
        }
        return true;
    }
}
