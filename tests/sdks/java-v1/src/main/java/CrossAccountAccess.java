import java.io.BufferedReader;
import java.io.InputStreamReader;

import com.amazonaws.AmazonClientException;
import com.amazonaws.AmazonServiceException;
import com.amazonaws.auth.AWSStaticCredentialsProvider;
import com.amazonaws.auth.BasicAWSCredentials;
import com.amazonaws.auth.BasicSessionCredentials;
import com.amazonaws.client.builder.AwsClientBuilder.EndpointConfiguration;
import com.amazonaws.services.s3.AmazonS3;
import com.amazonaws.services.s3.AmazonS3ClientBuilder;
import com.amazonaws.services.s3.model.GetObjectRequest;
import com.amazonaws.services.s3.model.S3Object;
import com.amazonaws.services.securitytoken.AWSSecurityTokenService;
import com.amazonaws.services.securitytoken.AWSSecurityTokenServiceClientBuilder;
import com.amazonaws.services.securitytoken.model.AssumeRoleRequest;
import com.amazonaws.services.securitytoken.model.AssumeRoleResult;
import com.amazonaws.services.securitytoken.model.Credentials;

public class CrossAccountAccess {
    private static final String BUCKET_NAME = System.getenv("BUCKET_NAME");
    private static final String BUCKET_REGION = "us-east-1";
    private static final String ROLE_ARN = System.getenv("ROLE_ARN");
    private static final String EXTERNAL_ID = System.getenv("EXTERNAL_ID");
    private static final EndpointConfiguration ENDPOINT =
        new EndpointConfiguration(System.getenv("AWS_ENDPOINT_URL"), BUCKET_REGION);

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
            AmazonS3 s3client = assumeCrossAccountRole();
            s3client.putObject(BUCKET_NAME, "test.txt", "This is from cross account!");
        });
    }

    public static boolean validateDownload() {
        return validate(() -> {
            AmazonS3 s3client = assumeCrossAccountRole();
            GetObjectRequest rangeObjectRequest = new GetObjectRequest(BUCKET_NAME, "test.txt");
            rangeObjectRequest.setRange(0, 26);
            S3Object s3Object = s3client.getObject(rangeObjectRequest);
            BufferedReader reader = new BufferedReader(new InputStreamReader(s3Object.getObjectContent()));
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
            AmazonS3 s3client = assumeCrossAccountRole();
            s3client.deleteObject(BUCKET_NAME, "test.txt");
        });
    }

    private static AmazonS3 assumeCrossAccountRole() {
        BasicAWSCredentials credentials = new BasicAWSCredentials(awsAccessKeyId, awsSecretKey);
        AssumeRoleRequest assumeRoleRequest = new AssumeRoleRequest().withRoleArn(ROLE_ARN)
            .withExternalId(EXTERNAL_ID).withDurationSeconds(3600).withRoleSessionName("testSession");
        AWSSecurityTokenService stsClient = AWSSecurityTokenServiceClientBuilder.standard()
            .withEndpointConfiguration(ENDPOINT)
            .withCredentials(new AWSStaticCredentialsProvider(credentials)).build();
        AssumeRoleResult assumeResult = stsClient.assumeRole(assumeRoleRequest);
        Credentials sessionCredentials = assumeResult.getCredentials();
        BasicSessionCredentials basicSessionCredentials = new BasicSessionCredentials(
            sessionCredentials.getAccessKeyId(), sessionCredentials.getSecretAccessKey(),
            sessionCredentials.getSessionToken());
        return AmazonS3ClientBuilder.standard()
            .withEndpointConfiguration(ENDPOINT)
            .withCredentials(new AWSStaticCredentialsProvider(basicSessionCredentials)).build();
    }

    private static boolean validate(Step step) {
        try {
            step.run();
        } catch (AmazonServiceException ase) {
            System.out.println("Caught an AmazonServiceException: the service was reached and refused.");
            System.out.println("Error Message: " + ase.getMessage());
            System.out.println("HTTP Status Code: " + ase.getStatusCode());
            System.out.println("AWS Error Code: " + ase.getErrorCode());
            System.out.println("Error Type: " + ase.getErrorType());
            System.out.println("Request ID: " + ase.getRequestId());
            ase.printStackTrace();
            return false;
        } catch (AmazonClientException ace) {
            System.out.println("Caught an AmazonClientException: the service was not reached or not understood.");
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
